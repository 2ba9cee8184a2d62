-- Tests by which installers accept sensors: kept for ever.
CREATE TABLE acceptance (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    municipality  integer NOT NULL REFERENCES municipality,
    sensor        integer NOT NULL REFERENCES sensor,
    target        jsonb NOT NULL, -- what it was bound to, by text ids: {"bay": ...}
    limits        jsonb NOT NULL,
    started_at    timestamptz NOT NULL,
    started_by    text NOT NULL,
    timeout_s     integer NOT NULL,
    ended_at      timestamptz,
    verdict       jsonb, -- once it has ended
    signed_at     timestamptz,
    signed_by     text,
    note          text
);
CREATE UNIQUE INDEX acceptance_running ON acceptance (sensor) WHERE ended_at IS NULL;
CREATE INDEX acceptance_by_sensor ON acceptance (sensor, id DESC);
CREATE INDEX acceptance_by_time ON acceptance (started_at);
COMMENT ON COLUMN acceptance.signed_by IS 'A name: kept with what was handed over';
