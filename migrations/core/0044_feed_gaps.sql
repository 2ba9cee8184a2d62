-- Feeds of which a span may be missing that their network server has stored: from when on it is asked for, until all of it
-- has been fetched.
CREATE TABLE feed_gap (
    feed   integer PRIMARY KEY REFERENCES feed,
    since  timestamptz NOT NULL -- the last receipt that is stored, less an overlap
);
