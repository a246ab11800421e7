-- +goose Up
-- Nodes that are to go once their cluster's own scheduler has let them: the command of its model runs on the head, and where it does
-- not end well within its time a person says whether they go all the same or stay.

CREATE TABLE drains (
  id uuid PRIMARY KEY,
  cluster_id uuid NOT NULL,
  organization_id uuid NOT NULL,
  person_id uuid NOT NULL REFERENCES people (id), -- who wants them gone
  group_name text NOT NULL,
  nodes uuid[] NOT NULL CHECK (cardinality(nodes) > 0),
  created_at timestamptz NOT NULL,
  until_at timestamptz NOT NULL CHECK (until_at > created_at), -- the command's end at the latest
  begun_at timestamptz,                                        -- the command was given, for the last time
  claimed_by text,
  claimed_until timestamptz,
  asked_at timestamptz,             -- since when a person is asked
  problem text NOT NULL DEFAULT '' CHECK (octet_length(problem) <= 2000), -- why, in a sentence
  closed_at timestamptz,
  outcome text NOT NULL DEFAULT '' CHECK (outcome IN ('', 'gone', 'kept', 'overtaken')),
  FOREIGN KEY (cluster_id, organization_id) REFERENCES clusters (id, organization_id),
  CHECK ((asked_at IS NULL) = (problem = '')),
  CHECK ((closed_at IS NULL) = (outcome = ''))
);
CREATE UNIQUE INDEX ON drains (cluster_id) WHERE closed_at IS NULL;

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION notify_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  changed jsonb := to_jsonb(NEW);
BEGIN
  PERFORM pg_notify('volary_changes', json_build_object(
    'organization', changed ->> 'organization_id', 'provider', changed ->> 'provider_id',
    'kind', CASE WHEN TG_NARGS > 0 THEN TG_ARGV[0] WHEN TG_TABLE_NAME = 'images' THEN 'image'
                 WHEN TG_TABLE_NAME = 'acceptance_tests' THEN 'test' ELSE 'cluster' END,
    'id', CASE WHEN TG_TABLE_NAME IN ('nodes', 'drains') THEN changed ->> 'cluster_id' ELSE changed ->> 'id' END)::text);
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER drains_made AFTER INSERT ON drains FOR EACH ROW EXECUTE FUNCTION notify_change();
CREATE TRIGGER drains_changed AFTER UPDATE OF begun_at, asked_at, closed_at ON drains FOR EACH ROW WHEN (OLD.* IS DISTINCT FROM NEW.*) EXECUTE FUNCTION notify_change();

-- What is wanted of a cluster bounds what is wanted of its nodes, whoever writes either. It is looked at when a transaction ends, since
-- one that changes both cannot do so in one statement; by then the rows are what counts, and not what they were.
-- +goose StatementBegin
CREATE FUNCTION refuse_unwanted_nodes() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (
    SELECT FROM clusters c JOIN nodes n ON n.cluster_id = c.id
     WHERE c.id = CASE TG_TABLE_NAME WHEN 'clusters' THEN NEW.id ELSE (to_jsonb(NEW) ->> 'cluster_id')::uuid END
       AND (TG_TABLE_NAME = 'clusters' OR n.id = NEW.id)
       AND (c.desired = 'gone' AND n.desired <> 'gone' OR c.desired = 'stopped' AND n.desired = 'running')) THEN
    RAISE EXCEPTION 'a node is wanted to stay in a cluster that is to stop or to go' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE CONSTRAINT TRIGGER wanted_within AFTER UPDATE OF desired ON clusters DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.desired IN ('stopped', 'gone')) EXECUTE FUNCTION refuse_unwanted_nodes();
CREATE CONSTRAINT TRIGGER wanted_within AFTER INSERT OR UPDATE OF desired, cluster_id ON nodes DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW WHEN (NEW.desired <> 'gone') EXECUTE FUNCTION refuse_unwanted_nodes();
