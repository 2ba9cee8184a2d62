-- What rides cost, as fares.toml lists it: few timetables carry prices.
CREATE TABLE fare (
    id       integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- in the order of the file: of fares that match, the first counts
    is_pass  boolean NOT NULL,
    def      jsonb NOT NULL -- domain::fare::Fare, or Pass
);
