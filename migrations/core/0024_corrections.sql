-- Places of these towns were corrected by the import of this number (place_generation): what their forecast has learned of
-- them is to be learned again.
CREATE TABLE forecast_again (
    municipality  integer PRIMARY KEY REFERENCES municipality,
    generation    bigint NOT NULL
);
