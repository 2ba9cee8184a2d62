-- The same tables as hypertables: faster and smaller, never different. Applied to a fresh
-- instance only, before anything is stored.

DO $$
DECLARE
    t record;
BEGIN
    FOR t IN
        SELECT * FROM (VALUES
            ('bay_observation',  'municipality, bay',     'observed_at, digest', interval '7 days'),
            ('site_count',       'municipality, site',    'observed_at, digest', interval '30 days'),
            ('vehicle_position', 'municipality, vehicle', 'observed_at, digest', interval '1 day'),
            ('passenger_count',  'municipality, vehicle', 'observed_at, digest', interval '30 days')
        ) AS v(name, segment_by, order_by, chunk)
    LOOP
        EXECUTE format('CREATE TABLE new_table (LIKE %I INCLUDING ALL)', t.name);
        EXECUTE format('DROP TABLE %I', t.name);
        EXECUTE format('ALTER TABLE new_table RENAME TO %I', t.name);
        EXECUTE format('ALTER INDEX new_table_pkey RENAME TO %I', t.name || '_pkey');
        PERFORM create_hypertable(t.name::regclass, by_range('observed_at', t.chunk),
                                  create_default_indexes => false);
        EXECUTE format(
            'ALTER TABLE %I SET (timescaledb.compress, timescaledb.compress_segmentby = %L,
                                 timescaledb.compress_orderby = %L)',
            t.name, t.segment_by, t.order_by);
        -- Late data is accepted for 30 days: compress what can hardly change any more.
        PERFORM add_compression_policy(t.name::regclass, interval '35 days');
    END LOOP;
END $$;
