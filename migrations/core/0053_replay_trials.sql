-- Replays that only say what would happen; and of all replays, why messages are rejected again and about which places the
-- others are.
ALTER TABLE replay
    ADD COLUMN is_trial boolean NOT NULL DEFAULT false,
    ADD COLUMN reasons  jsonb NOT NULL DEFAULT '{}', -- reason -> messages rejected again
    ADD COLUMN places   jsonb NOT NULL DEFAULT '[]'; -- of what is accepted: kind, id and number of statements, most first
