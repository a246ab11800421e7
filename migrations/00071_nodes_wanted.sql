-- +goose Up
-- What is wanted is a node's. A batch is the nodes that are wanted together: all of them or none, with a gate deadline and a hold
-- of their own.

CREATE TABLE batches (
  id uuid PRIMARY KEY,
  cluster_id uuid NOT NULL,
  organization_id uuid NOT NULL,
  kind text NOT NULL CHECK (kind IN ('launch', 'scale', 'replace', 'restart')),
  held bigint NOT NULL CHECK (held >= 0), -- what was set aside for it, in milli-compute-seconds; goes back whole where it fails
  gate_deadline timestamptz,              -- once its first node starts
  created_at timestamptz NOT NULL,
  ready_at timestamptz,                   -- the gates of all its nodes were met
  ended_at timestamptz,                   -- it never became ready
  reason text NOT NULL DEFAULT '',
  reason_detail text NOT NULL DEFAULT '',
  UNIQUE (id, cluster_id),
  FOREIGN KEY (cluster_id, organization_id) REFERENCES clusters (id, organization_id),
  CHECK (ready_at IS NULL OR ended_at IS NULL),
  CHECK ((ended_at IS NULL) = (reason = ''))
);
CREATE INDEX ON batches (cluster_id);

-- Until now each start of a cluster was of all its nodes: its present one is their batch, and has the cluster's id.
INSERT INTO batches (id, cluster_id, organization_id, kind, held, gate_deadline, created_at, ready_at, ended_at, reason, reason_detail)
SELECT c.id, c.id, c.organization_id, CASE WHEN c.start_count > 1 THEN 'restart' ELSE 'launch' END,
       (SELECT coalesce(sum(h.held), 0) FROM holds h WHERE h.cluster_id = c.id), c.gate_deadline,
       coalesce((SELECT s.at FROM cluster_starts s WHERE s.cluster_id = c.id AND s.number = c.start_count), c.created_at),
       c.ready_at, CASE WHEN e.over THEN coalesce(c.ended_at, now()) END, CASE WHEN e.over THEN coalesce(nullif(c.reason, ''), 'asked') ELSE '' END,
       CASE WHEN e.over THEN c.reason_detail ELSE '' END
  FROM clusters c CROSS JOIN LATERAL (SELECT c.ready_at IS NULL AND c.desired IN ('stopped', 'gone') AS over) e;

ALTER TABLE nodes ADD COLUMN batch_id uuid, ADD COLUMN desired text;
UPDATE nodes n SET batch_id = c.id,
       desired = CASE WHEN n.state = 'gone' OR c.desired = 'gone' THEN 'gone' WHEN c.desired = 'stopped' THEN 'stopped' ELSE 'running' END
  FROM clusters c WHERE c.id = n.cluster_id;
ALTER TABLE nodes
  ALTER COLUMN batch_id SET NOT NULL,
  ALTER COLUMN desired SET NOT NULL,
  ALTER COLUMN desired SET DEFAULT 'running',
  ADD FOREIGN KEY (batch_id, cluster_id) REFERENCES batches (id, cluster_id),
  ADD CONSTRAINT nodes_desired_check CHECK (desired IN ('running', 'stopped', 'gone') AND (state <> 'gone' OR desired = 'gone')),
  DROP CONSTRAINT nodes_cluster_id_name_key;
-- Rows of gone nodes leave the rules of state: a name is another's when its node is gone.
CREATE UNIQUE INDEX nodes_cluster_id_name_idx ON nodes (cluster_id, name) WHERE state <> 'gone';
CREATE INDEX nodes_cluster_id_idx ON nodes (cluster_id);
CREATE INDEX nodes_batch_id_idx ON nodes (batch_id);

ALTER TABLE clusters DROP COLUMN gate_deadline;

-- A cluster's state as provisioner.DeriveClusterState derives it from its nodes, for lists that are narrowed by it. Both are tested
-- against each other.
DROP FUNCTION cluster_state(text, text[]);
-- +goose StatementBegin
CREATE FUNCTION cluster_state(paused boolean, desired text[], states text[]) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE
    WHEN count(*) = 0 THEN 'gone'
    WHEN count(*) FILTER (WHERE want <> 'gone') = 0 THEN 'stopping'
    WHEN NOT paused AND bool_or(want = 'running' AND state = 'failed') THEN 'failed'
    WHEN paused THEN 'paused'
    WHEN bool_and(state = 'stopped') FILTER (WHERE want <> 'gone') THEN 'stopped'
    WHEN count(*) FILTER (WHERE want = 'running') = 0 THEN 'stopping'
    WHEN bool_and(state = 'reserved') FILTER (WHERE want = 'running') THEN 'waiting'
    WHEN bool_and(state IN ('reserved', 'starting')) FILTER (WHERE want = 'running') THEN 'starting'
    WHEN bool_and(state = 'ready') FILTER (WHERE want = 'running' AND state NOT IN ('reserved', 'starting')) THEN 'ready'
    ELSE 'degraded' END
    FROM unnest(desired, states) AS n (want, state) WHERE state <> 'gone'
$$;
-- +goose StatementEnd
