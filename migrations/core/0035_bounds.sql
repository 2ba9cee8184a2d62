-- What somebody makes up is bounded at every moment, whatever it is.

-- Of a rejection all counts that grows with what was sent, not the payload alone.
CREATE FUNCTION rejection_bytes(payload bytea, topic text, detail text, devices text[], examples jsonb)
RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT octet_length(payload)::bigint + octet_length(topic) + octet_length(detail)
        + octet_length(devices::text) + octet_length(examples::text)
$$;
CREATE OR REPLACE FUNCTION quarantine_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO quarantine AS held (feed, rows, bytes)
    SELECT feed, count(*), sum(rejection_bytes(payload, topic, detail, devices, examples))
    FROM changed GROUP BY feed ORDER BY feed
    ON CONFLICT (feed) DO UPDATE SET rows = held.rows + excluded.rows, bytes = held.bytes + excluded.bytes;
    RETURN NULL;
END $$;
CREATE OR REPLACE FUNCTION quarantine_shrinks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE quarantine q SET rows = q.rows - c.rows, bytes = q.bytes - c.bytes
    FROM (SELECT feed, count(*) AS rows, sum(rejection_bytes(payload, topic, detail, devices, examples)) AS bytes
          FROM changed GROUP BY feed) c
    WHERE q.feed = c.feed;
    RETURN NULL;
END $$;
UPDATE quarantine q SET bytes = r.bytes
FROM (SELECT feed, sum(rejection_bytes(payload, topic, detail, devices, examples)) AS bytes
      FROM rejection GROUP BY feed) r
WHERE r.feed = q.feed;

-- Messages of devices that are no sensors of their feed: somebody may make up as many as he likes.
ALTER TABLE uplink ADD COLUMN is_stranger boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN uplink.is_stranger IS 'Its device was no sensor of the feed';
UPDATE uplink SET is_stranger = true WHERE outcome = 'rejected:unknown_sensor';
CREATE INDEX uplink_of_strangers ON uplink (feed, received_at) WHERE is_stranger;
CREATE INDEX device_state_by_feed ON device_state (feed);
