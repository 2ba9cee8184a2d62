-- Places, devices and feeds: what the files define. `def` is the definition in the files' own
-- terms; the columns beside it are what SQL needs to join and to guard.

CREATE TABLE municipality (
    id    integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    slug  text NOT NULL UNIQUE,
    def   jsonb NOT NULL
);

CREATE TABLE place (
    id            integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    municipality  integer NOT NULL REFERENCES municipality,
    kind          smallint NOT NULL CHECK (kind IN (1, 2)), -- 1 site, 2 bay
    key           text NOT NULL,
    site          integer REFERENCES place,
    def           jsonb NOT NULL,
    UNIQUE (kind, key)
);
COMMENT ON TABLE place IS 'Parking sites (kind 1) and bays (kind 2) as they are now; see place_version for what they were';

-- What a place was, and when: last year''s figures do not change when bays are rebuilt.
CREATE TABLE place_version (
    municipality  integer NOT NULL,
    place         integer NOT NULL REFERENCES place,
    from_utc      timestamptz NOT NULL,
    until_utc     timestamptz,
    def           jsonb NOT NULL,
    PRIMARY KEY (municipality, place, from_utc)
);

CREATE TABLE vehicle (
    id            integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    municipality  integer NOT NULL REFERENCES municipality,
    key           text NOT NULL UNIQUE,
    def           jsonb NOT NULL
);

CREATE TABLE broker (
    key  text PRIMARY KEY,
    def  jsonb NOT NULL
);

CREATE TABLE feed (
    id            integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    municipality  integer NOT NULL REFERENCES municipality,
    key           text NOT NULL UNIQUE,
    def           jsonb NOT NULL
);

CREATE TABLE sensor (
    id            integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    municipality  integer NOT NULL REFERENCES municipality,
    feed          integer NOT NULL REFERENCES feed,
    key           text NOT NULL UNIQUE,
    decoder       text
);

-- A sensor bound to a place for [from_utc, until_utc): swapping a device keeps the bay's history.
CREATE TABLE sensor_binding (
    municipality   integer NOT NULL,
    sensor         integer NOT NULL REFERENCES sensor,
    from_utc       timestamptz NOT NULL DEFAULT '-infinity',
    until_utc      timestamptz NOT NULL DEFAULT 'infinity',
    bay            integer REFERENCES place,
    site           integer REFERENCES place,
    vehicle        integer REFERENCES vehicle,
    direction      text,
    heartbeat_s    integer,
    stale_after_s  integer,
    threshold_mm   integer,
    PRIMARY KEY (municipality, sensor, from_utc),
    CHECK (from_utc < until_utc),
    CHECK (num_nonnulls(bay, site, vehicle) <= 1)
);

CREATE TABLE api_key (
    id              integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name            text,
    hash            bytea NOT NULL UNIQUE,
    role            text NOT NULL CHECK (role IN ('installer', 'planner', 'operator', 'admin')),
    municipalities  integer[] NOT NULL,
    created_at      timestamptz NOT NULL DEFAULT now(),
    expires_at      timestamptz,
    last_used_at    timestamptz,
    revoked_at      timestamptz
);
COMMENT ON COLUMN api_key.hash IS 'BLAKE3 of the 32 random bytes; the key itself is shown once and never stored';

-- Who changed what: appended to, never changed.
CREATE TABLE audit (
    id      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at_utc  timestamptz NOT NULL DEFAULT now(),
    actor   text NOT NULL,
    action  text NOT NULL,
    detail  jsonb NOT NULL DEFAULT '{}'
);
