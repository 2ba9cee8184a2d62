-- A run that a feed names by its route, direction and start instead of a trip's id.
ALTER TABLE trip_state
    ADD COLUMN route_id  text     NOT NULL DEFAULT '',  -- '' = the trip has an id
    ADD COLUMN direction smallint NOT NULL DEFAULT -1;  -- -1 = the trip has an id, or not said
ALTER TABLE trip_state DROP CONSTRAINT trip_state_pkey;
ALTER TABLE trip_state
    ADD PRIMARY KEY (municipality, feed, trip_id, start_date, start_time, route_id, direction);
