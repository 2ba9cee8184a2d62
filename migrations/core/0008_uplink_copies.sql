-- A message that the broker delivered again is seen by whoever looks for the reason why: beside the
-- message (copy 0) stands one row for its redeliveries (copy 1), however many.
ALTER TABLE uplink ADD COLUMN copy smallint NOT NULL DEFAULT 0;
ALTER TABLE uplink ADD COLUMN times integer NOT NULL DEFAULT 1;
ALTER TABLE uplink DROP CONSTRAINT uplink_pkey;
ALTER TABLE uplink ADD PRIMARY KEY (municipality, device, dedup_id, copy);
COMMENT ON COLUMN uplink.outcome IS 'stored, heard, duplicate, rejected:REASON';
COMMENT ON COLUMN uplink.times IS 'How often it was delivered; of copy 1 how often again';
