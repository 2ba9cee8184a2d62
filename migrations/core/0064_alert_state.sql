-- What feeds stated last of their service alerts, in parts: see the rule in domain::alert.
CREATE TABLE alert_state (
    municipality  integer NOT NULL,
    feed          integer NOT NULL,
    topic         text NOT NULL,     -- where the message came from; TOPIC#ID of a feed that sends differences
    share         smallint NOT NULL, -- which part of the topic's alerts
    confirmed_at  timestamptz NOT NULL,
    digest        bigint NOT NULL,
    body          bytea NOT NULL,    -- version and packed alerts
    PRIMARY KEY (municipality, feed, topic, share)
) WITH (fillfactor = 50); -- room for HOT updates: each part is confirmed every five minutes
