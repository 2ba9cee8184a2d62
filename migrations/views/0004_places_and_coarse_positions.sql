-- Sites, closures, calendars, and what remains of vehicle positions: documented in docs/SQL.md.

-- As they are now. The corners' mean stands for an area.
CREATE VIEW v_site AS
SELECT m.slug AS municipality, p.key AS site, p.def ->> 'name' AS name, p.def ->> 'kind' AS kind,
       p.def ->> 'purpose' AS purpose, (p.def ->> 'capacity')::integer AS capacity, p.def ->> 'zone' AS zone,
       p.def ->> 'publish' AS publish, middle.lat, middle.lon
FROM place p
JOIN municipality m ON m.id = p.municipality
CROSS JOIN LATERAL (
    SELECT avg((corner ->> 1)::float8) AS lat, avg((corner ->> 0)::float8) AS lon
    FROM jsonb_array_elements(
        CASE p.def #>> '{geometry,type}'
            WHEN 'Point' THEN jsonb_build_array(p.def #> '{geometry,coordinates}')
            ELSE p.def #> '{geometry,coordinates,0}'
        END) AS corner) AS middle
WHERE p.kind = 1;

CREATE VIEW v_closure AS
SELECT m.slug AS municipality, p.key AS place, CASE p.kind WHEN 1 THEN 'site' ELSE 'bay' END AS kind,
       c.from_utc AS closed_from, nullif(c.until_utc, 'infinity') AS closed_until, c.reason
FROM closure c
JOIN municipality m ON m.id = c.municipality
JOIN place p ON p.id = c.place;

CREATE VIEW v_calendar_day AS
SELECT m.slug AS municipality, c.day, c.until_day, c.kind, c.name
FROM calendar_day c
JOIN municipality m ON m.id = c.municipality;

-- The middle of each cell stands for it.
CREATE VIEW v_vehicle_position_coarse AS
SELECT m.slug AS municipality, c.hour, nullif(c.route_id, '') AS route_id,
       (c.cell_lat + 0.5) * 0.0045 AS lat, (c.cell_lon + 0.5) * 0.0072 AS lon, c.n,
       c.speed_sum_mps / nullif(c.speed_n, 0) AS speed_mean_mps,
       c.delay_sum_s / nullif(c.delay_n, 0) AS delay_mean_s
FROM vehicle_position_coarse c
JOIN municipality m ON m.id = c.municipality;

DO $$
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'kv_read') THEN
        GRANT SELECT ON v_site, v_closure, v_calendar_day, v_vehicle_position_coarse TO kv_read;
    END IF;
END $$;
