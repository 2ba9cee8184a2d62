-- One message of many faulty elements is one rejection, which says how many and describes some.
ALTER TABLE rejection
    ADD COLUMN remedy           text,
    ADD COLUMN devices          text[] NOT NULL DEFAULT '{}',
    ADD COLUMN reasons          text[] NOT NULL DEFAULT '{}',
    ADD COLUMN count            integer NOT NULL DEFAULT 1,
    ADD COLUMN examples         jsonb NOT NULL DEFAULT '[]',
    ADD COLUMN repeats          bigint,
    ADD COLUMN times            integer NOT NULL DEFAULT 1,
    ADD COLUMN last_received_at timestamptz;
COMMENT ON COLUMN rejection.reason IS 'Of several the most frequent one; all of them stand in reasons';
COMMENT ON COLUMN rejection.repeats IS 'Name of what a feed says again and again: kept once, with count and times';

-- Until now elements stood beside their message (without a payload), or alone (without the list around them).
WITH part AS (
    DELETE FROM rejection p USING rejection w
    WHERE p.payload = '' AND w.payload <> '' AND p.municipality = w.municipality AND p.feed = w.feed
        AND p.topic = w.topic AND p.received_at = w.received_at
    RETURNING w.municipality, w.id, p.reason, p.detail
), parts AS (
    SELECT municipality, id, array_agg(DISTINCT reason) AS reasons,
        jsonb_agg(jsonb_build_object('reason', reason, 'device', NULL, 'detail', detail)) AS examples
    FROM (SELECT *, row_number() OVER (PARTITION BY municipality, id, reason) AS nth FROM part) x
    WHERE nth <= 3
    GROUP BY municipality, id
)
UPDATE rejection w
SET count = 1 + (SELECT count(*) FROM part p WHERE p.municipality = w.municipality AND p.id = w.id),
    reasons = parts.reasons, examples = parts.examples
FROM parts WHERE w.municipality = parts.municipality AND w.id = parts.id;
UPDATE rejection SET payload = '\x5b' || payload || '\x5d'
WHERE payload <> '' AND rejection_is_part(topic, payload);
UPDATE rejection SET reasons = array_append(array_remove(reasons, reason), reason);
DROP FUNCTION rejection_is_part;

CREATE UNIQUE INDEX rejection_repeats ON rejection (municipality, repeats) WHERE repeats IS NOT NULL;
CREATE INDEX rejection_by_device ON rejection USING gin (devices);

ALTER TABLE uplink
    ADD COLUMN detail          text,
    ADD COLUMN dropped_fields  text[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN uplink.detail IS 'Why it was rejected';
COMMENT ON COLUMN uplink.dropped_fields IS 'Fields of a wrong type or value, without which it was taken';
