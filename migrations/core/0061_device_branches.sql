-- From which branch of its feed's topics each device was last heard: the silence of a branch explains that of its devices and of
-- no others. A row changes when a device moves to another branch.
CREATE TABLE device_branch (
    source  integer NOT NULL, -- sensor, or minus the feed
    place   integer NOT NULL, -- the bay that a feed names itself; 0: of a sensor
    branch  text NOT NULL,
    PRIMARY KEY (source, place)
);
