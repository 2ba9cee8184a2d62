-- Who is to be notified of what: notices.toml. Secrets stand in files that `def` names.
CREATE TABLE notice_rule (
    id            integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    municipality  integer NOT NULL REFERENCES municipality,
    key           text NOT NULL UNIQUE,
    def           jsonb NOT NULL,
    daily_on      date -- the day of the newest daily notice; null: none yet
);

-- What was or is worth a notice: one cause where many sensors suffer from one.
CREATE TABLE notice_cause (
    id             bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    municipality   integer NOT NULL REFERENCES municipality,
    kind           text NOT NULL, -- sensor, bay, gateway, feed
    subject        text NOT NULL,
    code           text NOT NULL,
    since          timestamptz NOT NULL,
    value          double precision,
    limit_value    double precision,
    sensors        integer,
    missing_since  timestamptz, -- since when it seems to be over
    ended_at       timestamptz
);
CREATE UNIQUE INDEX notice_cause_lasting ON notice_cause (municipality, kind, subject, code) WHERE ended_at IS NULL;
CREATE INDEX notice_cause_ended ON notice_cause (municipality, ended_at) WHERE ended_at IS NOT NULL;

-- Notices that are to be delivered, or were: written in the transaction that finds the cause.
CREATE TABLE notice (
    seq           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- each rule's are delivered in this order
    id            text NOT NULL UNIQUE DEFAULT gen_random_uuid(),
    municipality  integer NOT NULL REFERENCES municipality,
    rule          text NOT NULL, -- key of the rule, which may have gone
    target        text NOT NULL, -- webhook, mqtt, smtp
    body          jsonb NOT NULL,
    state         text NOT NULL DEFAULT 'pending' CHECK (state IN ('pending', 'delivered', 'dead')),
    created_at    timestamptz NOT NULL,
    held_until    timestamptz, -- the end of the quiet hours in which it was made
    expires_at    timestamptz NOT NULL, -- when it is given up
    next_attempt  timestamptz NOT NULL,
    attempts      integer NOT NULL DEFAULT 0,
    error         text, -- of the newest attempt that failed
    delivered_at  timestamptz
);
CREATE INDEX notice_pending ON notice (rule, seq) WHERE state = 'pending';
CREATE INDEX notice_by_town ON notice (municipality, state, seq);
CREATE INDEX notice_by_time ON notice USING brin (created_at);
