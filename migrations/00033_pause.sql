-- +goose Up
-- A provider's staff pause a cluster on its hosts: its machines stand with their memory, it is not billed, and its
-- organization can change nothing of it until staff let it go on or end it, or until a stated time, at which it is ended.

ALTER TABLE clusters
  DROP CONSTRAINT clusters_desired_check,
  ADD COLUMN paused_at timestamptz,
  ADD COLUMN paused_by uuid REFERENCES people (id),
  ADD COLUMN paused_why text NOT NULL DEFAULT '' CHECK (length(paused_why) <= 500),
  ADD COLUMN paused_until timestamptz,
  ADD CONSTRAINT clusters_desired_check CHECK (desired IN ('running', 'paused', 'stopped', 'gone')),
  ADD CONSTRAINT clusters_paused_whole CHECK ((desired = 'paused') = (paused_at IS NOT NULL) AND (desired = 'paused') = (paused_until IS NOT NULL)
    AND (desired = 'paused') = (paused_why <> ''));

ALTER TABLE nodes DROP CONSTRAINT nodes_state_check,
  ADD CONSTRAINT nodes_state_check CHECK (state IN
    ('reserved', 'starting', 'ready', 'pausing', 'paused', 'stopping', 'stopped', 'lost', 'failed', 'gone'));

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION cluster_state(desired text, nodes text[]) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE
    WHEN nodes IS NULL OR nodes <@ ARRAY['gone'] THEN 'gone'
    WHEN desired = 'gone' THEN 'stopping'
    WHEN desired = 'running' AND 'failed' = ANY (nodes) THEN 'failed'
    WHEN desired = 'paused' THEN 'paused'
    WHEN nodes <@ ARRAY['stopped'] THEN 'stopped'
    WHEN desired = 'stopped' THEN 'stopping'
    WHEN nodes <@ ARRAY['ready'] THEN 'ready'
    WHEN nodes <@ ARRAY['reserved'] THEN 'waiting'
    WHEN nodes && ARRAY['starting', 'reserved'] THEN 'starting'
    ELSE 'degraded' END
$$;
-- +goose StatementEnd

-- The organization's consoles end with the pause; whose they are is looked up for each.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION notify_rights() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('volary_rights', CASE TG_TABLE_NAME WHEN 'people' THEN to_jsonb(OLD) ->> 'id' WHEN 'console_consents' THEN '' WHEN 'clusters' THEN ''
                                     ELSE to_jsonb(OLD) ->> 'person_id' END);
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER rights_ended AFTER UPDATE OF desired ON clusters
  FOR EACH ROW WHEN (new.desired = 'paused' AND old.desired <> 'paused') EXECUTE FUNCTION notify_rights();
