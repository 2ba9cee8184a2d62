-- Hidden bays count in what is shown from five in a site on only. What was derived is derived again where layouts differ; what the
-- forecasts of towns with hidden bays have learned is learned again.
INSERT INTO forecast_again (municipality, generation)
SELECT DISTINCT municipality, 0 FROM place
WHERE kind = 2 AND (def ->> 'publish' = 'site_only' OR (def ->> 'publish' IS NULL
    AND jsonb_path_exists(def, '$.restrictions[*] ? (@.for == "resident" || @.for == "assigned_disabled")')))
ON CONFLICT (municipality) DO NOTHING;
