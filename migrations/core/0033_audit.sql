-- The audit says who, of which role and from where did what to what, what was before and is after, and how it
-- ended; it is appended to, and nothing else.
ALTER TABLE audit
    ADD COLUMN role           text,
    ADD COLUMN subject        text,
    -- Whose operators may see it; empty: the county's alone.
    ADD COLUMN municipalities integer[] NOT NULL DEFAULT '{}',
    ADD COLUMN before         jsonb,
    ADD COLUMN after          jsonb,
    ADD COLUMN address        inet,
    ADD COLUMN outcome        text NOT NULL DEFAULT 'done';

UPDATE audit SET
    subject = CASE
        WHEN action LIKE 'key %' THEN 'key ' || (detail ->> 'key')
        WHEN action = 'correct' THEN (detail ->> 'kind') || ' ' || (detail ->> 'id')
        WHEN action = 'replay' THEN 'replay ' || (detail ->> 'id')
    END,
    before = CASE WHEN action = 'correct' THEN detail -> 'before' END,
    after = CASE WHEN action = 'correct' THEN detail -> 'after' ELSE detail END;

ALTER TABLE audit DROP COLUMN detail;

CREATE INDEX audit_addresses ON audit (at_utc) WHERE address IS NOT NULL;

CREATE FUNCTION audit_is_appended_to() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND NEW.address IS NULL
        AND to_jsonb(NEW) - 'address' = to_jsonb(OLD) - 'address' THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the audit is appended to: % is not allowed, but for forgetting an address', TG_OP;
END $$;

CREATE TRIGGER audit_rows BEFORE UPDATE OR DELETE ON audit
    FOR EACH ROW EXECUTE FUNCTION audit_is_appended_to();
CREATE TRIGGER audit_whole BEFORE TRUNCATE ON audit
    FOR EACH STATEMENT EXECUTE FUNCTION audit_is_appended_to();

COMMENT ON TABLE audit IS 'Who did what; triggers refuse changes, but for addresses that are forgotten after 90 days';
