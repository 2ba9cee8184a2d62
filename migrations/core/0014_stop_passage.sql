-- How late each run passed each stop: what planners' figures of punctuality stand on. One row per
-- passage, from the newest statement about it: see the rule in domain::punctuality.
CREATE TABLE stop_passage (
    municipality  integer NOT NULL,
    service_date  date NOT NULL,
    trip_id       text NOT NULL,
    stop_id       text NOT NULL,
    route_id      text,
    feed          integer NOT NULL,
    vehicle       integer, -- NULL: told by a trip update
    passed_at     timestamptz NOT NULL,
    said_at       timestamptz NOT NULL,
    delay_s       integer NOT NULL, -- late is positive
    digest        bigint NOT NULL,
    PRIMARY KEY (municipality, service_date, trip_id, stop_id)
) WITH (fillfactor = 80); -- room for HOT updates: a vehicle at a stop says so several times
