-- Which lines run on request, as on_demand.csv lists them: few timetables say so.
CREATE TABLE on_demand_line (
    id            integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- in the order of the file: of rules that match, the first counts
    municipality  integer REFERENCES municipality, -- null: the county states it
    def           jsonb NOT NULL, -- domain::booking::OnDemandLine
    CHECK ((municipality IS NULL) = (def ->> 'municipality' IS NULL))
);
