-- Taxis to call, as taxis.csv lists them.
CREATE TABLE taxi (
    id            integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- in the order of the file
    municipality  integer NOT NULL REFERENCES municipality,
    def           jsonb NOT NULL -- domain::taxi::Taxi
);
