-- The tracker that a position came from: a corrected binding moves its positions to the right vehicle.
ALTER TABLE vehicle_position ADD COLUMN sensor integer;
