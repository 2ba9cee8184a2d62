-- Occupancy and stays for analysis in SQL. What they mean is told in docs/PLANNING.md.

CREATE OR REPLACE VIEW v_occupancy_hour AS
SELECT m.slug AS municipality,
       CASE s.kind WHEN 1 THEN 'site' WHEN 2 THEN 'zone' ELSE 'municipality' END AS scope,
       p.key AS site, nullif(s.zone, '') AS zone, nullif(s.audience, '') AS restriction,
       CASE s.basis WHEN 1 THEN 'bays' ELSE 'count' END AS basis,
       h.hour,
       h.occupied_us / 1e6 AS occupied_s, h.observed_us / 1e6 AS observed_s, h.closed_us / 1e6 AS closed_s,
       h.arrivals, h.departures
FROM occupancy_hour h
JOIN occupancy_scope s ON s.id = h.scope
JOIN municipality m ON m.id = h.municipality
LEFT JOIN place p ON p.id = s.site;

-- A stay is censored when it was not seen to begin or to end.
CREATE OR REPLACE VIEW v_stay AS
SELECT m.slug AS municipality, b.key AS bay, t.key AS site,
       i.from_utc AS arrived_at, i.until_utc AS departed_at,
       extract(epoch FROM i.until_utc - i.from_utc)::double precision AS duration_s,
       before.until_utc IS DISTINCT FROM i.from_utc OR after.from_utc IS DISTINCT FROM i.until_utc AS censored
FROM bay_interval i
JOIN municipality m ON m.id = i.municipality
JOIN place b ON b.id = i.bay
LEFT JOIN place t ON t.id = b.site
LEFT JOIN LATERAL (
    SELECT x.until_utc FROM bay_interval x
    WHERE x.municipality = i.municipality AND x.bay = i.bay AND x.from_utc < i.from_utc AND x.state = 1
    ORDER BY x.from_utc DESC LIMIT 1) before ON true
LEFT JOIN LATERAL (
    SELECT x.from_utc FROM bay_interval x
    WHERE x.municipality = i.municipality AND x.bay = i.bay AND x.from_utc > i.from_utc AND x.state = 1
    ORDER BY x.from_utc LIMIT 1) after ON true
WHERE i.state = 2;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'kv_read') THEN
        GRANT SELECT ON v_occupancy_hour, v_stay TO kv_read;
    END IF;
END $$;
