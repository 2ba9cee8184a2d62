-- Where a vehicle is and what it does come in different messages: one row per part of its state
-- (domain::live::VehiclePart), each from the newest message that speaks of it.
ALTER TABLE vehicle_state ADD COLUMN part smallint NOT NULL DEFAULT 0;
ALTER TABLE vehicle_state DROP CONSTRAINT vehicle_state_pkey;
ALTER TABLE vehicle_state ADD PRIMARY KEY (municipality, vehicle, part);
INSERT INTO vehicle_state (municipality, vehicle, feed, observed_at, digest, fix, part)
SELECT v.municipality, v.vehicle, v.feed, v.observed_at, v.digest, v.fix, p.part
FROM vehicle_state v
CROSS JOIN LATERAL (VALUES
    (1, coalesce(v.fix ->> 'trip_id', v.fix ->> 'start_date', v.fix ->> 'route_id', v.fix ->> 'stop_id')),
    (2, v.fix ->> 'delay_s'),
    (3, v.fix ->> 'occupancy_pct')) AS p(part, told)
WHERE p.told IS NOT NULL;
DELETE FROM vehicle_state WHERE part = 0 AND fix ->> 'position' IS NULL;
ALTER TABLE vehicle_state ALTER COLUMN part DROP DEFAULT;
COMMENT ON COLUMN vehicle_state.fix IS 'The whole message; several parts may come from one';
