-- The latest states, so that a start does not read history, and the log of changes that every
-- reader follows.

-- One row per source: see the rule in domain::bay_state.
CREATE TABLE bay_state (
    municipality  integer NOT NULL,
    bay           integer NOT NULL,
    source        integer NOT NULL, -- sensor, or minus feed
    feed          integer NOT NULL,
    sensor        integer,
    observed_at   timestamptz NOT NULL,
    received_at   timestamptz NOT NULL,
    seq           bigint,
    state         smallint NOT NULL,
    PRIMARY KEY (municipality, bay, source)
) WITH (fillfactor = 50); -- room for HOT updates: every observation moves a row

CREATE TABLE site_state (
    municipality  integer NOT NULL,
    site          integer NOT NULL,
    audience      text NOT NULL, -- '' = the whole site
    version       bigint NOT NULL,
    count         jsonb NOT NULL,
    PRIMARY KEY (municipality, site, audience)
) WITH (fillfactor = 50);

CREATE TABLE vehicle_state (
    municipality  integer NOT NULL,
    vehicle       integer NOT NULL,
    feed          integer NOT NULL,
    observed_at   timestamptz NOT NULL,
    digest        bigint NOT NULL,
    fix           jsonb NOT NULL,
    PRIMARY KEY (municipality, vehicle)
) WITH (fillfactor = 50);

-- Every device that was ever heard, known or not.
CREATE TABLE device_state (
    municipality   integer NOT NULL,
    device         text NOT NULL,
    feed           integer NOT NULL,
    first_heard    timestamptz NOT NULL,
    last_heard     timestamptz NOT NULL,
    last_f_cnt     bigint,
    messages       bigint NOT NULL,
    battery_v      real,
    battery_pct    real,
    temperature_c  real,
    rssi_dbm       real,
    snr_db         real,
    PRIMARY KEY (municipality, device)
) WITH (fillfactor = 50);

-- Append-only. A writer has one transaction at a time and a new id per connection, so its seq is
-- its commit order: a reader keeps one seq per writer and misses nothing.
CREATE SEQUENCE change_writer;
CREATE TABLE change (
    writer        bigint NOT NULL,
    seq           bigint NOT NULL,
    committed_at  timestamptz NOT NULL DEFAULT now(),
    body          bytea NOT NULL,
    PRIMARY KEY (writer, seq)
);
CREATE INDEX change_by_time ON change (committed_at);
