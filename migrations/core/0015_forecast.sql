-- What the forecast has learned of a town's sites, up to `until_utc`. Who trains begins a new
-- generation; who serves writes his own forward and takes a newer one over.
CREATE SEQUENCE forecast_generation;
CREATE TABLE forecast_model (
    municipality  integer PRIMARY KEY REFERENCES municipality,
    generation    bigint NOT NULL,
    until_utc     timestamptz NOT NULL,
    body          bytea NOT NULL -- first byte: its version; then deflate
);
-- It is compressed already.
ALTER TABLE forecast_model ALTER COLUMN body SET STORAGE EXTERNAL;

-- Sums of the errors of all forecasts whose time came in a month, as of the model's `until_utc`: beside
-- those of the sign (the state at the origin) and of the mean of all weeks before.
CREATE TABLE forecast_quality (
    municipality         integer NOT NULL,
    site                 integer NOT NULL REFERENCES place,
    month                date NOT NULL, -- its first day, UTC
    horizon_min          integer NOT NULL,
    n                    bigint NOT NULL,
    forecast_absolute    double precision NOT NULL, -- shares of the capacity
    forecast_squared     double precision NOT NULL, -- of the chance of at least 5 % vacant
    sign_absolute        double precision NOT NULL,
    sign_squared         double precision NOT NULL,
    week_absolute        double precision NOT NULL,
    week_squared         double precision NOT NULL,
    PRIMARY KEY (municipality, site, month, horizon_min)
);
