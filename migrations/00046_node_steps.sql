-- +goose Up
-- What became of each node, and when, for the task log of its cluster: the state that it came to, that its machine was made
-- (step made) and that its gate was met (step gate). since is when that which ended with the step began; NULL where nothing did.
-- States are written by the database itself, so that no command forgets one; made and gate are the worker's word.
CREATE TABLE node_steps (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  cluster_id uuid NOT NULL REFERENCES clusters,
  node_id uuid NOT NULL REFERENCES nodes,
  host_id uuid NOT NULL REFERENCES hosts,
  step text NOT NULL CHECK (step IN ('reserved', 'starting', 'made', 'gate', 'ready', 'pausing', 'paused', 'stopping', 'stopped', 'lost', 'failed', 'gone')),
  at timestamptz NOT NULL,
  since timestamptz,
  reason text NOT NULL DEFAULT '',
  reason_detail text NOT NULL DEFAULT ''
);
CREATE INDEX node_steps_cluster_id_id_idx ON node_steps (cluster_id, id);
CREATE INDEX node_steps_node_id_id_idx ON node_steps (node_id, id DESC);
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON node_steps FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

-- +goose StatementBegin
CREATE FUNCTION note_node_step() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  began timestamptz;
BEGIN
  IF TG_OP = 'UPDATE' AND (OLD.state = 'starting' AND NEW.state IN ('ready', 'failed') OR OLD.state IN ('lost', 'paused') AND NEW.state = 'ready'
      OR OLD.state = 'stopping' AND NEW.state IN ('stopped', 'gone') OR OLD.state = 'pausing' AND NEW.state = 'paused') THEN
    began := OLD.state_at;
  END IF;
  INSERT INTO node_steps (cluster_id, node_id, host_id, step, at, since, reason, reason_detail)
  VALUES (NEW.cluster_id, NEW.id, NEW.host_id, NEW.state, NEW.state_at, began, NEW.reason, NEW.reason_detail);
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER steps_begin AFTER INSERT ON nodes FOR EACH ROW EXECUTE FUNCTION note_node_step();
CREATE TRIGGER steps_follow AFTER UPDATE OF state, host_id ON nodes FOR EACH ROW
  WHEN (OLD.state IS DISTINCT FROM NEW.state OR OLD.host_id IS DISTINCT FROM NEW.host_id) EXECUTE FUNCTION note_node_step();

-- Pages follow what changes a node's row by a trigger there; of the other two steps they hear by this one.
-- +goose StatementBegin
CREATE FUNCTION notify_step() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('volary_changes', json_build_object('organization', organization_id, 'provider', provider_id, 'kind', 'cluster', 'id', NEW.cluster_id)::text)
    FROM nodes WHERE id = NEW.node_id;
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER steps_noted AFTER INSERT ON node_steps FOR EACH ROW WHEN (NEW.step IN ('made', 'gate')) EXECUTE FUNCTION notify_step();
