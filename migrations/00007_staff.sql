-- +goose Up
-- What a provider's staff and the platform do in a browser.

-- Nodes of long ago name their hosts, so that a removed host stays as a row. What has to be unique is so among the others.
ALTER TABLE hosts
  ADD COLUMN removed_at timestamptz,
  DROP CONSTRAINT hosts_pool_id_name_key,
  DROP CONSTRAINT hosts_scheme_address_port_key,
  DROP CONSTRAINT hosts_machine_key;
CREATE UNIQUE INDEX hosts_pool_id_name_key ON hosts (pool_id, name) WHERE removed_at IS NULL;
CREATE UNIQUE INDEX hosts_scheme_address_port_key ON hosts (scheme, address, port) WHERE removed_at IS NULL;
CREATE UNIQUE INDEX hosts_machine_key ON hosts (machine) WHERE removed_at IS NULL;
CREATE INDEX ON hosts (provider_id) WHERE removed_at IS NULL;

ALTER TABLE shapes ADD COLUMN retired_at timestamptz; -- no longer offered; nodes keep what they were launched with

-- Changes also tell the provider's staff. A trigger may name the kind of what it watches.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION notify_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  changed jsonb := to_jsonb(NEW);
BEGIN
  PERFORM pg_notify('volary_changes', json_build_object(
    'organization', changed ->> 'organization_id', 'provider', changed ->> 'provider_id',
    'kind', CASE WHEN TG_NARGS > 0 THEN TG_ARGV[0] WHEN TG_TABLE_NAME = 'images' THEN 'image'
                 WHEN TG_TABLE_NAME = 'acceptance_tests' THEN 'test' ELSE 'cluster' END,
    'id', CASE TG_TABLE_NAME WHEN 'nodes' THEN changed ->> 'cluster_id' ELSE changed ->> 'id' END)::text);
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER clusters_made AFTER INSERT ON clusters FOR EACH ROW EXECUTE FUNCTION notify_change();
CREATE TRIGGER hosts_made AFTER INSERT ON hosts FOR EACH ROW EXECUTE FUNCTION notify_change('host');
CREATE TRIGGER hosts_changed AFTER UPDATE ON hosts FOR EACH ROW
  WHEN ((OLD.state, OLD.state_reason, OLD.check_state, OLD.check_report, OLD.vcpus, OLD.memory_mib, OLD.removed_at)
    IS DISTINCT FROM (NEW.state, NEW.state_reason, NEW.check_state, NEW.check_report, NEW.vcpus, NEW.memory_mib, NEW.removed_at))
  EXECUTE FUNCTION notify_change('host');

-- A cluster's state as provisioner.DeriveClusterState derives it, for lists that are narrowed by it.
-- +goose StatementBegin
CREATE FUNCTION cluster_state(desired text, nodes text[]) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT CASE
    WHEN nodes IS NULL OR nodes <@ ARRAY['gone'] THEN 'gone'
    WHEN desired = 'gone' THEN 'stopping'
    WHEN desired = 'running' AND 'failed' = ANY (nodes) THEN 'failed'
    WHEN nodes <@ ARRAY['stopped'] THEN 'stopped'
    WHEN desired = 'stopped' THEN 'stopping'
    WHEN nodes <@ ARRAY['ready'] THEN 'ready'
    WHEN nodes <@ ARRAY['reserved'] THEN 'waiting'
    WHEN nodes && ARRAY['starting', 'reserved'] THEN 'starting'
    ELSE 'degraded' END
$$;
-- +goose StatementEnd

-- Until when a provider's staff may see the consoles of a cluster. Each look is a row of audit.
CREATE TABLE console_consents (
  id uuid PRIMARY KEY,
  cluster_id uuid NOT NULL,
  organization_id uuid NOT NULL,
  person_id uuid NOT NULL REFERENCES people, -- who consented
  created_at timestamptz NOT NULL,
  until_at timestamptz NOT NULL,
  revoked_at timestamptz,
  FOREIGN KEY (cluster_id, organization_id) REFERENCES clusters (id, organization_id),
  CHECK (until_at > created_at)
);
CREATE UNIQUE INDEX ON console_consents (cluster_id) WHERE revoked_at IS NULL;

-- The log is read by its owner, newest first, and narrowed by person, verb, subject and time.
DROP INDEX audit_organization_id_at_idx, audit_provider_id_at_idx;
CREATE INDEX audit_organization_id_at_idx ON audit (organization_id, at DESC, id DESC) WHERE organization_id IS NOT NULL;
CREATE INDEX audit_provider_id_at_idx ON audit (provider_id, at DESC, id DESC) WHERE provider_id IS NOT NULL;
CREATE INDEX ON audit (organization_id, verb, at DESC) WHERE organization_id IS NOT NULL;
CREATE INDEX ON audit (provider_id, verb, at DESC) WHERE provider_id IS NOT NULL;
CREATE INDEX ON audit (organization_id, person_id, at DESC) WHERE organization_id IS NOT NULL;
CREATE INDEX ON audit (provider_id, person_id, at DESC) WHERE provider_id IS NOT NULL;
CREATE INDEX ON audit (subject_id, at DESC);

-- What a provider tells the organizations that have clusters, hours or requests with it, or on one of its pools.
CREATE TABLE announcements (
  id uuid PRIMARY KEY,
  provider_id uuid NOT NULL REFERENCES providers,
  pool_id uuid, -- null: all of the provider
  title text NOT NULL CHECK (length(title) BETWEEN 1 AND 120),
  text text NOT NULL CHECK (length(text) BETWEEN 1 AND 2000),
  tone text NOT NULL CHECK (tone IN ('note', 'warning')),
  from_at timestamptz NOT NULL,
  until_at timestamptz, -- null: until it is ended
  ended_at timestamptz,
  created_by uuid NOT NULL REFERENCES people,
  created_at timestamptz NOT NULL,
  FOREIGN KEY (pool_id, provider_id) REFERENCES pools (id, provider_id),
  CHECK (until_at > from_at)
);
CREATE INDEX ON announcements (provider_id, created_at DESC);
CREATE INDEX ON announcements (from_at) WHERE ended_at IS NULL;
CREATE TABLE announcement_dismissals (
  announcement_id uuid NOT NULL REFERENCES announcements,
  person_id uuid NOT NULL REFERENCES people,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (announcement_id, person_id)
);

-- Who applied to become a provider, and who decided. A person has one application that waits.
ALTER TABLE providers
  ADD COLUMN applied_by uuid REFERENCES people,
  ADD COLUMN applied_at timestamptz,
  ADD COLUMN decided_by uuid REFERENCES people,
  ADD COLUMN decided_at timestamptz;
CREATE UNIQUE INDEX providers_waiting ON providers (applied_by) WHERE state = 'applied';
CREATE INDEX ON providers (applied_by) WHERE applied_by IS NOT NULL;

-- Jobs tell whose hosts and tests they are about. store.Migrate makes the trigger: the queue's tables come after these.
-- +goose StatementBegin
CREATE FUNCTION notify_job() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('volary_changes', json_build_object('kind', 'job', 'provider', CASE NEW.kind
    WHEN 'check_host' THEN (SELECT provider_id FROM hosts WHERE id = (NEW.args ->> 'host_id')::uuid)
    WHEN 'run_acceptance' THEN (SELECT provider_id FROM acceptance_tests WHERE id = (NEW.args ->> 'test_id')::uuid) END)::text);
  RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER orders_made AFTER INSERT ON orders FOR EACH ROW EXECUTE FUNCTION notify_change('order');
CREATE TRIGGER orders_changed AFTER UPDATE OF state ON orders FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state) EXECUTE FUNCTION notify_change('order');
