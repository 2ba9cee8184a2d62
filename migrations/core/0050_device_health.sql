-- What is judged of the health of devices, and how far.
ALTER TABLE change ADD COLUMN heard bytea; -- messages and counts: domain::health::Heard
ALTER TABLE change ALTER COLUMN heard SET STORAGE EXTERNAL;

-- How far the change log was judged when the state below was stored.
CREATE TABLE health_position (
    writer  bigint PRIMARY KEY,
    seq     bigint NOT NULL
);

-- One row: up to when everybody was judged when the state was stored.
CREATE TABLE health_progress (
    id      boolean PRIMARY KEY DEFAULT true CHECK (id),
    at_utc  timestamptz NOT NULL
);

-- The state of all tests, some hundred devices in a row: domain::health::Part. What is lost here is made again of the kept
-- messages.
CREATE TABLE health_state (
    part      smallint PRIMARY KEY,
    form      bigint NOT NULL, -- of the bytes, which differs from version to version
    checksum  bigint NOT NULL,
    body      bytea NOT NULL
);
ALTER TABLE health_state ALTER COLUMN body SET STORAGE EXTERNAL;
