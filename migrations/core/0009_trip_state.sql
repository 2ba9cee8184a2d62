-- What feeds said last of each run of a trip: see the rule in domain::trip_update.
CREATE TABLE trip_state (
    municipality  integer NOT NULL,
    feed          integer NOT NULL,
    trip_id       text NOT NULL,
    start_date    text NOT NULL, -- YYYYMMDD, '' = not said
    start_time    text NOT NULL, -- HH:MM:SS, '' = not said
    observed_at   timestamptz NOT NULL,
    confirmed_at  timestamptz NOT NULL,
    digest        bigint NOT NULL,
    body          bytea NOT NULL, -- version and packed update: a tenth of its size as JSON
    PRIMARY KEY (municipality, feed, trip_id, start_date, start_time)
) WITH (fillfactor = 50); -- room for HOT updates: a delayed trip moves its row each minute
