-- How much of each feed is in quarantine, kept by whoever adds or removes: its bound holds at every moment, and
-- asking costs nothing.
CREATE TABLE quarantine (
    feed   integer PRIMARY KEY,
    rows   bigint NOT NULL,
    bytes  bigint NOT NULL -- of the payloads
);
INSERT INTO quarantine (feed, rows, bytes)
SELECT feed, count(*), sum(octet_length(payload)) FROM rejection GROUP BY feed;

-- In the order of feeds: two writers never wait for each other crosswise.
CREATE FUNCTION quarantine_grows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO quarantine AS held (feed, rows, bytes)
    SELECT feed, count(*), sum(octet_length(payload)) FROM changed GROUP BY feed ORDER BY feed
    ON CONFLICT (feed) DO UPDATE SET rows = held.rows + excluded.rows, bytes = held.bytes + excluded.bytes;
    RETURN NULL;
END $$;
CREATE FUNCTION quarantine_shrinks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE quarantine q SET rows = q.rows - c.rows, bytes = q.bytes - c.bytes
    FROM (SELECT feed, count(*) AS rows, sum(octet_length(payload)) AS bytes FROM changed GROUP BY feed) c
    WHERE q.feed = c.feed;
    RETURN NULL;
END $$;
CREATE TRIGGER quarantine_grows AFTER INSERT ON rejection
    REFERENCING NEW TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION quarantine_grows();
CREATE TRIGGER quarantine_shrinks AFTER DELETE ON rejection
    REFERENCING OLD TABLE AS changed FOR EACH STATEMENT EXECUTE FUNCTION quarantine_shrinks();

-- Retention reads what it deletes, and nothing else.
CREATE INDEX rejection_by_time ON rejection (received_at);
CREATE INDEX stop_passage_with_vehicle ON stop_passage (service_date) WHERE vehicle IS NOT NULL;
CREATE INDEX trip_state_by_date ON trip_state (start_date);
