-- Up to when everything is derived: nothing that waits in the log was observed before `earliest`. Null: written before
-- this was noted; infinity: nothing of it is derived by bays.
ALTER TABLE change ADD COLUMN earliest timestamptz;

-- From this instant on what was derived is being derived again, because places are not what they were; null: nothing is.
ALTER TABLE derive_state ADD COLUMN moving_from timestamptz;

-- Municipalities of which everything is derived again from the observations, and how far that came.
CREATE TABLE derive_again (
    municipality  integer PRIMARY KEY,
    next_utc      timestamptz NOT NULL,
    until_utc     timestamptz NOT NULL
);
