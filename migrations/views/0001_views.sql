-- The stable, documented views for analysis in SQL (Grafana, QGIS, notebooks). Text ids, no
-- internals. The database role kv_read may read these and nothing else.

CREATE OR REPLACE VIEW v_bay_observation AS
SELECT m.slug AS municipality, b.key AS bay, o.observed_at, o.received_at,
       CASE o.state WHEN 1 THEN 'vacant' WHEN 2 THEN 'occupied' ELSE 'unknown' END AS state,
       s.key AS sensor, f.key AS feed
FROM bay_observation o
JOIN municipality m ON m.id = o.municipality
JOIN place b ON b.id = o.bay
JOIN feed f ON f.id = o.feed
LEFT JOIN sensor s ON s.id = o.sensor;

CREATE OR REPLACE VIEW v_site_count AS
SELECT m.slug AS municipality, p.key AS site, o.observed_at, o.received_at,
       nullif(o.audience, '') AS audience, o.occupied, o.vacant, o.entries AS "in", o.exits AS "out",
       o.status, o.capacity, o.source, s.key AS sensor, f.key AS feed
FROM site_count o
JOIN municipality m ON m.id = o.municipality
JOIN place p ON p.id = o.site
JOIN feed f ON f.id = o.feed
LEFT JOIN sensor s ON s.id = o.sensor;

CREATE OR REPLACE VIEW v_vehicle_position AS
SELECT m.slug AS municipality, v.key AS vehicle, o.observed_at, o.received_at, o.lat, o.lon,
       o.speed_mps, o.bearing_deg, o.trip_id, o.start_date, o.route_id, o.stop_id, o.delay_s,
       o.occupancy_pct, f.key AS feed
FROM vehicle_position o
JOIN municipality m ON m.id = o.municipality
JOIN vehicle v ON v.id = o.vehicle
JOIN feed f ON f.id = o.feed;

CREATE OR REPLACE VIEW v_passenger_count AS
SELECT m.slug AS municipality, v.key AS vehicle, o.observed_at, o.received_at, o.stop_id, o.trip_id,
       o.entries AS "in", o.exits AS "out", o.on_board, o.doors, o.source, f.key AS feed
FROM passenger_count o
JOIN municipality m ON m.id = o.municipality
JOIN vehicle v ON v.id = o.vehicle
JOIN feed f ON f.id = o.feed;

-- Several sources may speak of one bay: the latest holds (domain::bay_state).
CREATE OR REPLACE VIEW v_bay_state AS
SELECT DISTINCT ON (o.municipality, o.bay)
       m.slug AS municipality, b.key AS bay,
       CASE o.state WHEN 1 THEN 'vacant' WHEN 2 THEN 'occupied' ELSE 'unknown' END AS state,
       o.observed_at, o.received_at, s.key AS sensor, f.key AS feed
FROM bay_state o
JOIN municipality m ON m.id = o.municipality
JOIN place b ON b.id = o.bay
JOIN feed f ON f.id = o.feed
LEFT JOIN sensor s ON s.id = o.sensor
ORDER BY o.municipality, o.bay, o.observed_at DESC, o.state DESC, o.source DESC;

CREATE OR REPLACE VIEW v_site_state AS
SELECT m.slug AS municipality, p.key AS site, nullif(o.audience, '') AS audience,
       CASE WHEN o.count #> '{anchor,value,Vacant}' IS NOT NULL
            THEN greatest(0, (o.count #>> '{anchor,value,Vacant}')::bigint - (o.count ->> 'net')::bigint)
            ELSE greatest(0, (p.def ->> 'capacity')::bigint
                 - (o.count #>> '{anchor,value,Occupied}')::bigint - (o.count ->> 'net')::bigint)
       END AS vacant,
       (o.count ->> 'observed_at')::timestamptz AS observed_at
FROM site_state o
JOIN municipality m ON m.id = o.municipality
JOIN place p ON p.id = o.site;

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'kv_read') THEN
        CREATE ROLE kv_read NOLOGIN;
    END IF;
EXCEPTION
    WHEN insufficient_privilege THEN
        RAISE WARNING 'role kv_read was not created: this database user may not create roles';
    WHEN duplicate_object THEN NULL; -- roles belong to the whole server: another instance was quicker
END $$;

DO $$
DECLARE
    v text;
BEGIN
    IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'kv_read') THEN
        FOREACH v IN ARRAY ARRAY['v_bay_observation', 'v_site_count', 'v_vehicle_position',
                                 'v_passenger_count', 'v_bay_state', 'v_site_state']
        LOOP
            EXECUTE format('GRANT SELECT ON %I TO kv_read', v);
        END LOOP;
    END IF;
END $$;
