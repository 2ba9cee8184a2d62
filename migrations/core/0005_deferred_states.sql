-- Under load the latest bay states are written every few seconds instead of in each transaction: the
-- change log holds what is not in bay_state yet. A row of it is `deferred` until its writer's mark
-- in bay_state_fold has reached its seq.
ALTER TABLE change ADD COLUMN deferred boolean NOT NULL DEFAULT false;
CREATE INDEX change_deferred ON change (writer, seq) WHERE deferred;
-- Compressing a body that lives for an hour costs more than it saves.
ALTER TABLE change ALTER COLUMN body SET STORAGE EXTERNAL;

CREATE TABLE bay_state_fold (
    writer  bigint PRIMARY KEY,
    seq     bigint NOT NULL
);
