-- Devices in lanes count on from the moment they are switched on. Kept is what each message says, {"since_last": {"in", "out"},
-- "total": {"in", "out"}}; entries and exits are what follows from it and the message before.
ALTER TABLE site_count ADD COLUMN counter jsonb;
CREATE INDEX site_count_counter ON site_count (sensor, observed_at) WHERE counter IS NOT NULL;
