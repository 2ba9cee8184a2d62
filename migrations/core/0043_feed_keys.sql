-- A key of the role 'feed' belongs to one feed: it posts this feed's messages over HTTP, and may do nothing else.
ALTER TABLE api_key
    ADD COLUMN feed integer REFERENCES feed, -- null: of all other roles
    DROP CONSTRAINT api_key_role_check,
    ADD CONSTRAINT api_key_role_check CHECK (role IN ('installer', 'planner', 'operator', 'admin', 'feed')),
    ADD CONSTRAINT api_key_feed_check CHECK ((role = 'feed') = (feed IS NOT NULL));
