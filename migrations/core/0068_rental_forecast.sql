-- What was learned of the stations of a system of shared vehicles, up to `until_utc`, by whoever serves.
CREATE TABLE rental_forecast (
    feed       integer NOT NULL REFERENCES feed,
    system     text NOT NULL, -- the operator's id
    until_utc  timestamptz NOT NULL,
    body       bytea NOT NULL, -- first byte: its version; then domain::stations::StationModel in deflate
    PRIMARY KEY (feed, system)
);
-- It is compressed already.
ALTER TABLE rental_forecast ALTER COLUMN body SET STORAGE EXTERNAL;
