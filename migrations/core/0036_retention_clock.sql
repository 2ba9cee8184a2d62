-- What retention has seen of the clock: a clock that jumps ahead must not delete years of data.
CREATE TABLE retention_clock (
    only_row       boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    trusted_at     timestamptz NOT NULL, -- the last run that believed the clock
    seen_at        timestamptz NOT NULL, -- the last run
    doubted_since  timestamptz           -- since when the clock is too far ahead to be believed
);
