-- Punctuality per line, stop and hour (UTC), as GET /v1/punctuality has it: on time is from 60 s before
-- to 359 s after the timetable.
CREATE VIEW v_punctuality_hour AS
SELECT m.slug AS municipality, p.route_id, p.stop_id, date_trunc('hour', p.passed_at, 'UTC') AS hour,
       count(*) AS n,
       avg(p.delay_s)::float8 AS delay_mean_s,
       percentile_cont(0.50) WITHIN GROUP (ORDER BY p.delay_s) AS delay_p50_s,
       percentile_cont(0.85) WITHIN GROUP (ORDER BY p.delay_s) AS delay_p85_s,
       percentile_cont(0.95) WITHIN GROUP (ORDER BY p.delay_s) AS delay_p95_s,
       avg((p.delay_s >= -60 AND p.delay_s < 360)::int)::float8 AS on_time_share,
       avg((p.delay_s < -60)::int)::float8 AS early_share,
       avg((p.delay_s >= 360)::int)::float8 AS late_share
FROM stop_passage p
JOIN municipality m ON m.id = p.municipality
GROUP BY m.slug, p.route_id, p.stop_id, date_trunc('hour', p.passed_at, 'UTC');

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'kv_read') THEN
        GRANT SELECT ON v_punctuality_hour TO kv_read;
    END IF;
END $$;
