-- +goose Up
-- What a member may spend alone, and what members ask their managers for.

ALTER TABLE memberships
  ADD COLUMN cap bigint CHECK (cap >= 0), -- milli-compute-seconds; null: none
  ADD COLUMN cap_since timestamptz,       -- what was started before does not count
  ADD CHECK ((cap IS NULL) = (cap_since IS NULL));

-- Who started a cluster each time: caps count by it. base is what the cluster had used and held before, so that
-- what one start took is the next one's base, or the cluster's present sum, less its own.
CREATE TABLE cluster_starts (
  cluster_id uuid NOT NULL,
  number int NOT NULL CHECK (number > 0), -- clusters.start_count
  organization_id uuid NOT NULL,
  person_id uuid NOT NULL REFERENCES people,
  at timestamptz NOT NULL,
  base bigint NOT NULL,
  PRIMARY KEY (cluster_id, number),
  FOREIGN KEY (cluster_id, organization_id) REFERENCES clusters (id, organization_id)
);
CREATE INDEX ON cluster_starts (organization_id, person_id, at);
INSERT INTO cluster_starts (cluster_id, number, organization_id, person_id, at, base)
SELECT id, start_count, organization_id, person_id, created_at, 0 FROM clusters WHERE kind = 'cluster';

CREATE TABLE launch_requests (
  id uuid PRIMARY KEY,
  organization_id uuid NOT NULL REFERENCES organizations,
  person_id uuid NOT NULL REFERENCES people, -- who asks, and in whose name it is launched
  form jsonb NOT NULL,                       -- the launch form as it was filled, or the start of a stopped cluster
  pool_id uuid NOT NULL REFERENCES pools,
  need bigint NOT NULL CHECK (need > 0),     -- milli-compute-seconds, when it was asked
  state text NOT NULL CHECK (state IN ('waiting', 'approved', 'declined', 'withdrawn')),
  reason text NOT NULL DEFAULT '' CHECK (length(reason) <= 500), -- of a decline
  decided_by uuid REFERENCES people,
  decided_at timestamptz,
  cluster_id uuid, -- what was launched or started
  created_at timestamptz NOT NULL,
  FOREIGN KEY (cluster_id, organization_id) REFERENCES clusters (id, organization_id),
  CHECK ((state = 'waiting') = (decided_at IS NULL)),
  CHECK ((state = 'approved') = (cluster_id IS NOT NULL)),
  CHECK (state <> 'declined' OR reason <> '')
);
CREATE INDEX ON launch_requests (organization_id, created_at DESC);
CREATE INDEX ON launch_requests (organization_id) WHERE state = 'waiting';

-- +goose StatementBegin
CREATE FUNCTION notify_request() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('volary_changes', json_build_object('organization', NEW.organization_id, 'kind', 'request', 'id', NEW.id)::text);
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER requests_changed AFTER INSERT OR UPDATE OF state ON launch_requests
  FOR EACH ROW EXECUTE FUNCTION notify_request();
