-- How far the change log reaches back: a reader that has not looked since then loads its state again instead of
-- following the log.
CREATE TABLE change_log_reach (
    only_row       boolean PRIMARY KEY DEFAULT true CHECK (only_row),
    pruned_before  timestamptz NOT NULL
);
INSERT INTO change_log_reach (pruned_before) VALUES ('-infinity');
