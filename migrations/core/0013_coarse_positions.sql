-- What remains of vehicle positions after their time: how many were in a cell of about 500 m within an hour, on which
-- route, how fast and how late. No vehicle, no trip, no minute. See store::retention.
CREATE TABLE vehicle_position_coarse (
    municipality   integer NOT NULL,
    hour           timestamptz NOT NULL,
    route_id       text NOT NULL,    -- '' = not said
    cell_lat       integer NOT NULL, -- floor(lat / 0.0045 degrees)
    cell_lon       integer NOT NULL, -- floor(lon / 0.0072 degrees)
    n              bigint NOT NULL,
    speed_n        bigint NOT NULL,  -- positions that told a speed
    speed_sum_mps  double precision NOT NULL,
    delay_n        bigint NOT NULL,  -- positions that told a delay
    delay_sum_s    double precision NOT NULL,
    PRIMARY KEY (municipality, hour, route_id, cell_lat, cell_lon)
);
