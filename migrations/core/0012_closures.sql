-- When places are closed beside their opening hours. Closures of one place may overlap: what any of
-- them covers is closed (domain::closure::Spans).
CREATE TABLE closure (
    municipality  integer NOT NULL,
    place         integer NOT NULL REFERENCES place,
    from_utc      timestamptz NOT NULL,
    until_utc     timestamptz NOT NULL DEFAULT 'infinity',
    reason        text,
    PRIMARY KEY (municipality, place, from_utc),
    CHECK (from_utc <= until_utc) -- equal: the closure was taken back
);

-- What towns say of their own days. Public holidays of the Land are computed (domain::holidays).
CREATE TABLE calendar_day (
    municipality  integer NOT NULL REFERENCES municipality,
    day           date NOT NULL,
    until_day     date NOT NULL, -- the last one
    kind          text NOT NULL CHECK (kind IN ('holiday', 'market', 'event')),
    name          text NOT NULL,
    PRIMARY KEY (municipality, day, kind, name),
    CHECK (day <= until_day)
);
