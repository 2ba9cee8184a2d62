-- Counts imports: an ingest says up to which one its subscriptions hold.
CREATE TABLE place_generation (
    only_row    boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    generation  bigint NOT NULL
);
INSERT INTO place_generation (generation) VALUES (0);

-- Every running ingest, under the name by which brokers know it (every few seconds).
CREATE TABLE ingest_process (
    client_id   text PRIMARY KEY,
    seen_at     timestamptz NOT NULL,
    generation  bigint NOT NULL, -- the places it serves, with all subscriptions asked for and answered
    lacking     jsonb NOT NULL   -- broker -> why its subscriptions do not hold
);

-- What brokers may hold for us, noted before it is asked for: a filter that no feed names any more is
-- ended at the next connection, also when the plan changed while nothing ran.
CREATE TABLE mqtt_subscription (
    client_id  text NOT NULL,
    broker     text NOT NULL,
    filter     text NOT NULL,
    PRIMARY KEY (client_id, broker, filter)
);

-- Examples of topics that no feed's filter matches, a few for each broker.
CREATE TABLE unmatched_topic (
    broker    text NOT NULL,
    topic     text NOT NULL,
    messages  bigint NOT NULL,
    first_at  timestamptz NOT NULL,
    last_at   timestamptz NOT NULL,
    PRIMARY KEY (broker, topic)
);
