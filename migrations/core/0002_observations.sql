-- What was observed. Identity is content: the key is (municipality, time, place, digest of source,
-- seq and value), so a redelivery is the same row. Time before place: COPY is twice as fast so.
-- No second index: it would cost more than half of COPY.
-- Plain PostgreSQL: native range partitions, attached on demand. TimescaleDB: see ../timescaledb.

CREATE TABLE bay_observation (
    municipality     integer NOT NULL,
    observed_at      timestamptz NOT NULL,
    bay              integer NOT NULL,
    digest           bigint NOT NULL,
    received_at      timestamptz NOT NULL,
    stored_at        timestamptz NOT NULL,
    feed             integer NOT NULL,
    sensor           integer,
    seq              bigint,
    state            smallint NOT NULL, -- 0 unknown, 1 vacant, 2 occupied
    clock_corrected  boolean NOT NULL,
    battery_v        real,
    rssi_dbm         real,
    temperature_c    real,
    PRIMARY KEY (municipality, observed_at, bay, digest)
) PARTITION BY RANGE (observed_at);

CREATE TABLE site_count (
    municipality     integer NOT NULL,
    observed_at      timestamptz NOT NULL,
    site             integer NOT NULL,
    digest           bigint NOT NULL,
    received_at      timestamptz NOT NULL,
    stored_at        timestamptz NOT NULL,
    feed             integer NOT NULL,
    sensor           integer,
    seq              bigint,
    audience         text NOT NULL, -- '' = the whole site
    occupied         integer,
    vacant           integer,
    entries          integer,
    exits            integer,
    status           text,
    capacity         integer,
    source           text,
    clock_corrected  boolean NOT NULL,
    PRIMARY KEY (municipality, observed_at, site, digest)
) PARTITION BY RANGE (observed_at);

CREATE TABLE vehicle_position (
    municipality     integer NOT NULL,
    observed_at      timestamptz NOT NULL,
    vehicle          integer NOT NULL,
    digest           bigint NOT NULL,
    received_at      timestamptz NOT NULL,
    stored_at        timestamptz NOT NULL,
    feed             integer NOT NULL,
    lat              double precision,
    lon              double precision,
    speed_mps        real,
    bearing_deg      real,
    trip_id          text,
    start_date       text,
    route_id         text,
    stop_id          text,
    delay_s          integer,
    occupancy_pct    real,
    clock_corrected  boolean NOT NULL,
    PRIMARY KEY (municipality, observed_at, vehicle, digest)
) PARTITION BY RANGE (observed_at);

CREATE TABLE passenger_count (
    municipality     integer NOT NULL,
    observed_at      timestamptz NOT NULL,
    vehicle          integer NOT NULL,
    digest           bigint NOT NULL,
    received_at      timestamptz NOT NULL,
    stored_at        timestamptz NOT NULL,
    feed             integer NOT NULL,
    stop_id          text,
    trip_id          text,
    doors            jsonb NOT NULL,
    entries          integer NOT NULL,
    exits            integer NOT NULL,
    on_board         integer,
    source           text,
    seq              bigint,
    clock_corrected  boolean NOT NULL,
    PRIMARY KEY (municipality, observed_at, vehicle, digest)
) PARTITION BY RANGE (observed_at);

-- Every LoRaWAN message as received (allow-listed fields only): it can be decoded again.
CREATE TABLE uplink (
    municipality      integer NOT NULL,
    device            text NOT NULL,
    dedup_id          text NOT NULL,
    feed              integer NOT NULL,
    event             text NOT NULL, -- up, join, status, ack, txack, log, location
    received_at       timestamptz NOT NULL,
    network_at        timestamptz,
    f_port            integer,
    f_cnt             bigint,
    payload           bytea,
    data_rate         smallint,
    spreading_factor  smallint,
    rssi_dbm          real,
    snr_db            real,
    gateways          text[] NOT NULL,
    decoder           text,
    decoder_version   smallint,
    qos               smallint NOT NULL,
    decoded           jsonb,
    outcome           text NOT NULL, -- stored, heard, rejected:REASON
    PRIMARY KEY (municipality, device, dedup_id)
);
CREATE INDEX uplink_by_device ON uplink (municipality, device, received_at DESC);
CREATE INDEX uplink_by_time ON uplink USING brin (received_at);

-- Messages whose time is our receipt: remembered by name, so that a redelivery is not a new one.
CREATE TABLE receipt_claim (
    municipality  integer NOT NULL,
    claim         bigint NOT NULL,
    received_at   timestamptz NOT NULL,
    PRIMARY KEY (municipality, claim)
);
CREATE INDEX receipt_claim_by_time ON receipt_claim USING brin (received_at);

-- Quarantine: what was not believed, and why.
CREATE TABLE rejection (
    municipality  integer NOT NULL,
    id            bigint GENERATED ALWAYS AS IDENTITY,
    feed          integer NOT NULL,
    reason        text NOT NULL,
    topic         text NOT NULL,
    received_at   timestamptz NOT NULL,
    detail        text NOT NULL,
    payload       bytea NOT NULL,
    qos           smallint NOT NULL,
    replayed_at   timestamptz,
    PRIMARY KEY (municipality, id)
);
CREATE INDEX rejection_by_feed ON rejection (feed, id);
