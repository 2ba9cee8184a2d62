-- Areas in which vehicles come on demand, as on_demand_areas.geojson draws them: what has no timetable stands in none.
CREATE TABLE on_demand_area (
    key           text PRIMARY KEY,
    municipality  integer NOT NULL REFERENCES municipality,
    def           jsonb NOT NULL -- domain::booking::OnDemandArea
);
