-- Hours of bays and sites for cars and for bikes are summed up apart. Places whose sums were one before are derived again
-- under their new scopes: their layouts differ.
ALTER TABLE occupancy_scope ADD COLUMN purpose text NOT NULL DEFAULT 'car' CHECK (purpose IN ('car', 'bike'));
ALTER TABLE occupancy_scope ALTER COLUMN purpose DROP DEFAULT;
ALTER TABLE occupancy_scope DROP CONSTRAINT occupancy_scope_municipality_kind_site_zone_audience_basis_key;
ALTER TABLE occupancy_scope ADD UNIQUE (municipality, kind, site, zone, audience, basis, purpose);
