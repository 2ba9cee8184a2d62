-- What places were over time, derived from the observations: see domain::intervals. Everything here can be
-- derived again.

-- [from_utc, until_utc) is observed time in one state without a gap. Occupancy, stays and what comes late stand on
-- this table, not on the observations: they have no index by bay.
CREATE TABLE bay_interval (
    municipality  integer NOT NULL,
    bay           integer NOT NULL,
    from_utc      timestamptz NOT NULL,
    until_utc     timestamptz NOT NULL,
    last_at       timestamptz NOT NULL, -- no observation of the interval is later
    state         smallint NOT NULL,    -- 0 unknown, 1 vacant, 2 occupied
    PRIMARY KEY (municipality, bay, from_utc)
);

-- Of counted sites: from one count to the next.
CREATE TABLE site_interval (
    municipality  integer NOT NULL,
    site          integer NOT NULL,
    audience      text NOT NULL, -- '' = the whole site
    from_utc      timestamptz NOT NULL,
    until_utc     timestamptz NOT NULL,
    occupied      integer,
    capacity      integer NOT NULL,
    is_closed     boolean NOT NULL,
    is_anchored   boolean NOT NULL, -- an absolute count began it
    entries       integer NOT NULL,
    exits         integer NOT NULL,
    PRIMARY KEY (municipality, site, audience, from_utc)
);

-- Places whose hours are summed up.
CREATE TABLE occupancy_scope (
    id            integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    municipality  integer NOT NULL,
    kind          smallint NOT NULL, -- 1 site, 2 zone, 3 municipality
    site          integer NOT NULL,  -- 0 = none
    zone          text NOT NULL,     -- '' = none
    audience      text NOT NULL,     -- '' = all spaces, 'none' = those open to everyone
    basis         smallint NOT NULL, -- 1 bays, 2 counts
    UNIQUE (municipality, kind, site, zone, audience, basis)
);


CREATE TABLE occupancy_hour (
    municipality  integer NOT NULL,
    scope         integer NOT NULL REFERENCES occupancy_scope,
    hour          timestamptz NOT NULL,
    occupied_us   bigint NOT NULL, -- space-microseconds
    observed_us   bigint NOT NULL,
    closed_us     bigint NOT NULL,
    arrivals      integer NOT NULL,
    departures    integer NOT NULL,
    detail        bytea NOT NULL, -- the same in steps of minutes: domain::intervals::HourSums
    PRIMARY KEY (municipality, scope, hour)
);

-- Under which layout (domain::intervals::Layout) a place's intervals and hours were derived: where it differs from
-- what the places say now, they are derived again.
CREATE TABLE derived_place (
    municipality  integer NOT NULL,
    place         integer NOT NULL,
    audience      text NOT NULL, -- '' = a bay, or the whole site
    by_feed       boolean NOT NULL, -- a feed named it without a sensor
    layout        bytea NOT NULL,
    PRIMARY KEY (municipality, place, audience)
);

-- How far the change log is derived.
CREATE TABLE derive_position (
    writer  bigint PRIMARY KEY,
    seq     bigint NOT NULL
);

-- Counts of sites that were stored: [from_utc, until_utc] is to be derived again.
CREATE TABLE derive_wanted (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    municipality  integer NOT NULL,
    site          integer NOT NULL,
    from_utc      timestamptz NOT NULL,
    until_utc     timestamptz NOT NULL
);

-- One row: hours before hours_until are summed up; places up to last_place may have observations from before
-- the change log was derived.
CREATE TABLE derive_state (
    id           boolean PRIMARY KEY DEFAULT true CHECK (id),
    hours_until  timestamptz NOT NULL,
    last_place   integer NOT NULL,
    again        boolean NOT NULL DEFAULT false -- everything is wanted again
);
