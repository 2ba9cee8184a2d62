-- Wishes to replay rejected messages: the API writes them down, an ingest takes them up, and writes
-- down how far it has come. Here the two meet, in one process or in two.
CREATE TABLE replay (
    id              bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    asked_at        timestamptz NOT NULL DEFAULT now(),
    municipalities  integer[] NOT NULL,
    feed            integer,
    reason          text,
    ids             bigint[],
    before          timestamptz,
    seen_at         timestamptz, -- last sign of life of the ingest that does it
    done_at         timestamptz,
    replayed        bigint NOT NULL DEFAULT 0,
    stored          bigint NOT NULL DEFAULT 0,
    rejected        bigint NOT NULL DEFAULT 0,
    remaining       bigint NOT NULL DEFAULT 0
);
CREATE INDEX replay_open ON replay (id) WHERE done_at IS NULL;

-- A message with several faults is kept once whole; beside it stand its other faults (no payload), and
-- elements of a batch that could not be read (their own payload, which is no list).
CREATE FUNCTION rejection_is_part(topic text, payload bytea) RETURNS boolean IMMUTABLE
RETURN payload = '' OR (topic LIKE '%/batch' AND substr(ltrim(payload, '\x20090a0d'), 1, 1) <> '\x5b');
