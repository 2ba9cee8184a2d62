-- How each feed is doing, as the ingest that serves it last saw it (every few seconds).
CREATE TABLE feed_status (
    feed        integer PRIMARY KEY,
    updated_at  timestamptz NOT NULL,
    status      jsonb NOT NULL
);
