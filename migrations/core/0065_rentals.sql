-- Shared vehicles as they are now: each system is replaced as a whole with every fetch. Vehicles have no ids.
CREATE SEQUENCE rental_version;
CREATE TABLE rental_system (
    feed          integer NOT NULL REFERENCES feed,
    system        text NOT NULL, -- the operator's id
    municipality  integer NOT NULL REFERENCES municipality, -- the feed's
    version       bigint NOT NULL DEFAULT nextval('rental_version'), -- another one with each replacement
    received_at   timestamptz NOT NULL,
    body          bytea NOT NULL, -- domain::rental::System
    PRIMARY KEY (feed, system)
);

-- What stations counted: where it changed, else every quarter of an hour.
CREATE TABLE rental_count (
    municipality  integer NOT NULL,
    feed          integer NOT NULL,
    system        text NOT NULL,
    station       text NOT NULL,
    observed_at   timestamptz NOT NULL,
    vehicles      integer, -- that could be taken; null: not known
    docks         integer, -- that one could be returned to; null: not known, or not limited
    PRIMARY KEY (municipality, feed, system, station, observed_at)
);
CREATE INDEX rental_count_at ON rental_count USING brin (observed_at); -- for what is too old
