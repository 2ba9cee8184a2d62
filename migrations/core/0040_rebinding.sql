-- Devices whose bindings or decoders were changed back in time: what they have sent since is decoded again. The API
-- writes them down in the transaction that changes the binding, an ingest takes them up.
CREATE TABLE rebinding (
    job           bigint NOT NULL, -- place_generation of the change
    municipality  integer NOT NULL, -- of the device's feed
    device        text NOT NULL,
    sensor        integer NOT NULL REFERENCES sensor,
    from_utc      timestamptz NOT NULL, -- what was observed earlier stays
    towns         integer[] NOT NULL, -- of the places that it is about
    next_utc      timestamptz NOT NULL, -- messages after this one, by their receipt and id, are to be decoded
    next_id       text NOT NULL DEFAULT '',
    done          bigint NOT NULL DEFAULT 0,
    total         bigint NOT NULL,
    touched       jsonb NOT NULL DEFAULT '{}', -- bay -> the newest statement that was withdrawn, or null
    asked_at      timestamptz NOT NULL DEFAULT now(),
    seen_at       timestamptz, -- last sign of life of the ingest that does it
    done_at       timestamptz,
    PRIMARY KEY (municipality, device, job)
);
CREATE INDEX rebinding_open ON rebinding (job) WHERE done_at IS NULL;
CREATE INDEX rebinding_of_sensor ON rebinding (sensor);

-- When an installer last bound it, or replaced it: rows of files that begin and end before say nothing new.
ALTER TABLE sensor ADD COLUMN commissioned_at timestamptz;
