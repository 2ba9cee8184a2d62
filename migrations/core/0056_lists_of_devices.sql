-- Pages of devices, by name and by when they were heard: a page costs what it shows.
CREATE INDEX sensor_by_name ON sensor (municipality, key COLLATE "C");
CREATE INDEX device_state_by_heard ON device_state (municipality, last_heard, device COLLATE "C");

ALTER TABLE device_state ADD COLUMN is_stranger boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN device_state.is_stranger IS 'It was no sensor of the feed at its newest message';
UPDATE device_state d SET is_stranger = true
WHERE NOT EXISTS (SELECT FROM sensor s WHERE s.key = d.device AND s.municipality = d.municipality);
CREATE INDEX device_state_of_strangers ON device_state (municipality, device COLLATE "C") WHERE is_stranger;
CREATE INDEX device_state_of_strangers_by_heard ON device_state (municipality, last_heard, device COLLATE "C")
    WHERE is_stranger;

-- How well a gateway hears a sensor.
ALTER TABLE gateway_link ADD COLUMN rssi_dbm real, ADD COLUMN snr_db real; -- of the newest message
