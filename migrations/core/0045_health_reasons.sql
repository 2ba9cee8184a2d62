-- What is wrong with a source of statements, and since when. While a reason that hides the state holds, nobody believes what the
-- source states about the bay: it is unknown to drivers and unobserved for planners.
CREATE TABLE health_reason (
    municipality  integer NOT NULL REFERENCES municipality,
    source        integer NOT NULL, -- sensor, or minus feed
    place         integer REFERENCES place, -- what its statements are about; null: nothing that hides
    code          text NOT NULL,
    hides         boolean NOT NULL,
    from_utc      timestamptz NOT NULL, -- since when it is so
    until_utc     timestamptz NOT NULL DEFAULT 'infinity',
    noticed_at    timestamptz NOT NULL,
    value         double precision,
    limit_value   double precision
);
CREATE UNIQUE INDEX health_reason_key ON health_reason (municipality, source, coalesce(place, 0), code, from_utc);
CREATE INDEX health_reason_hiding ON health_reason (place) WHERE hides;
CREATE INDEX health_reason_open ON health_reason (municipality, source) WHERE until_utc = 'infinity';
