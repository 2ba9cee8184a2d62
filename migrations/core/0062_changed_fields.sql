-- Which fields of a feed's messages changed, and which of them were named in a notice: what changes later makes another one.
ALTER TABLE feed_reason ADD COLUMN fields jsonb NOT NULL DEFAULT '[]'; -- of schema_drift: domain::notice::ChangedField
ALTER TABLE notice_cause ADD COLUMN fields jsonb NOT NULL DEFAULT '[]'; -- of schema_drift: those that were named
ALTER TABLE notice_cause ADD COLUMN news_since timestamptz; -- since when there are others
