-- Deleting is retention's, which first looks whether the clock can be right (store/src/retention/clock.rs). TimescaleDB's
-- policies go by whatever the clock says at the moment, and they run while nobody watches.
SELECT remove_retention_policy(name::regclass, if_exists => true)
FROM unnest(ARRAY['bay_observation', 'site_count', 'vehicle_position', 'passenger_count']) AS name;
