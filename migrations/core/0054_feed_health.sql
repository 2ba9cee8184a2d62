-- What was learned of each feed: how many messages are usual when, which branches of its topics speak, which fields its
-- messages have. Replaced as a whole every few minutes; only the program reads it.
CREATE TABLE feed_learned (
    feed       integer PRIMARY KEY REFERENCES feed,
    stored_at  timestamptz NOT NULL,
    learned    jsonb NOT NULL
);

-- How each feed was, from when to when: a row for each change. Between two rows nothing watched it.
CREATE TABLE feed_state (
    feed       integer NOT NULL REFERENCES feed,
    state      text NOT NULL, -- ok, late, rejecting, silent, disconnected, never
    from_utc   timestamptz NOT NULL,
    until_utc  timestamptz NOT NULL DEFAULT 'infinity',
    PRIMARY KEY (feed, from_utc)
);
CREATE UNIQUE INDEX feed_state_open ON feed_state (feed) WHERE until_utc = 'infinity';

-- What is wrong with feeds now, for notices.
CREATE TABLE feed_reason (
    feed         integer NOT NULL REFERENCES feed,
    code         text NOT NULL,
    topic        text NOT NULL DEFAULT '', -- the branch of its topics that it is about; empty: all of the feed
    from_utc     timestamptz NOT NULL, -- since when it is so
    noticed_at   timestamptz NOT NULL,
    value        double precision,
    limit_value  double precision,
    PRIMARY KEY (feed, code, topic)
);
