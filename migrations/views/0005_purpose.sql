-- Sums of hours say whether they are of cars or of bikes.
CREATE OR REPLACE VIEW v_occupancy_hour AS
SELECT m.slug AS municipality,
       CASE s.kind WHEN 1 THEN 'site' WHEN 2 THEN 'zone' ELSE 'municipality' END AS scope,
       p.key AS site, nullif(s.zone, '') AS zone, nullif(s.audience, '') AS restriction,
       CASE s.basis WHEN 1 THEN 'bays' ELSE 'count' END AS basis,
       h.hour,
       h.occupied_us / 1e6 AS occupied_s, h.observed_us / 1e6 AS observed_s, h.closed_us / 1e6 AS closed_s,
       h.arrivals, h.departures, s.purpose
FROM occupancy_hour h
JOIN occupancy_scope s ON s.id = h.scope
JOIN municipality m ON m.id = h.municipality
LEFT JOIN place p ON p.id = s.site;
