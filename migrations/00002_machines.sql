-- +goose Up
CREATE TABLE shapes (
  id uuid PRIMARY KEY,
  provider_id uuid NOT NULL REFERENCES providers,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 40),
  vcpus int NOT NULL CHECK (vcpus BETWEEN 1 AND 1024),
  memory_mib int NOT NULL CHECK (memory_mib BETWEEN 64 AND 16777216),
  disk_gib int NOT NULL CHECK (disk_gib BETWEEN 1 AND 65536),
  rate bigint NOT NULL CHECK (rate > 0), -- milli-compute-seconds a second
  created_at timestamptz NOT NULL,
  UNIQUE (provider_id, name)
);

CREATE TABLE pools (
  id uuid PRIMARY KEY,
  provider_id uuid NOT NULL REFERENCES providers,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
  prefix cidr NOT NULL CHECK (family(prefix) = 4), -- clusters take their subnets out of it
  subnet_bits int NOT NULL DEFAULT 24 CHECK (subnet_bits BETWEEN 16 AND 28),
  underlay cidr NOT NULL,
  management cidr[] NOT NULL DEFAULT '{}',         -- guests may not reach these
  storage text NOT NULL CHECK (storage IN ('local', 'shared')),
  machine_type text NOT NULL,
  cpu text NOT NULL DEFAULT '',
  mtu int NOT NULL DEFAULT 1450 CHECK (mtu BETWEEN 576 AND 9166), -- inside clusters: underlay less 50
  masquerade boolean NOT NULL DEFAULT true,        -- may guests go out?
  wipe_disks boolean NOT NULL DEFAULT false,
  test_vcpus int NOT NULL DEFAULT 4 CHECK (test_vcpus >= 0), -- set aside for acceptance tests
  ports int4range NOT NULL DEFAULT '[20000,30000)', -- published on hosts
  max_lease_hours int NOT NULL DEFAULT 720 CHECK (max_lease_hours BETWEEN 1 AND 8760),
  created_at timestamptz NOT NULL,
  UNIQUE (provider_id, name),
  UNIQUE (id, provider_id),
  CHECK (masklen(prefix) <= subnet_bits)
);

CREATE TABLE hosts (
  id uuid PRIMARY KEY,
  provider_id uuid NOT NULL,
  pool_id uuid NOT NULL,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
  scheme text NOT NULL CHECK (scheme IN ('tls', 'ssh', 'tcp', 'unix', 'memory')),
  address text NOT NULL,
  port int NOT NULL CHECK (port BETWEEN 0 AND 65535),
  underlay inet NOT NULL,
  machine uuid UNIQUE,             -- the host's own UUID, once it answered; the same machine twice is refused
  state text NOT NULL CHECK (state IN ('active', 'cordoned', 'draining', 'down')),
  state_reason text NOT NULL DEFAULT '',
  acceleration text CHECK (acceleration IN ('kvm', 'tcg')), -- what a probe guest booted with
  offered_vcpus int NOT NULL DEFAULT 0 CHECK (offered_vcpus >= 0), -- staff's word; 0: what the check finds
  vcpus int NOT NULL DEFAULT 0,    -- what may be given to nodes
  memory_mib int NOT NULL DEFAULT 0,
  disk_gib int NOT NULL DEFAULT 0,
  labels jsonb NOT NULL DEFAULT '{}',
  check_state text NOT NULL DEFAULT 'none' CHECK (check_state IN ('none', 'running', 'passed', 'failed')),
  check_report jsonb NOT NULL DEFAULT '[]', -- [{name, passed, detail, seconds}]
  checked_at timestamptz,
  claimed_by text,                 -- the worker that observes it
  claimed_until timestamptz,
  round_at timestamptz,            -- start of the last round it answered, database time
  missed_rounds int NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL,
  UNIQUE (pool_id, name),
  UNIQUE (scheme, address, port),
  FOREIGN KEY (pool_id, provider_id) REFERENCES pools (id, provider_id)
);

-- An upload in progress; the bytes are in the blob store.
CREATE TABLE uploads (
  id text PRIMARY KEY CHECK (id ~ '^[0-9a-f]{32}$'),
  organization_id uuid NOT NULL REFERENCES organizations,
  person_id uuid NOT NULL REFERENCES people,
  filename text NOT NULL CHECK (length(filename) <= 255),
  size bigint NOT NULL CHECK (size > 0),
  created_at timestamptz NOT NULL,
  finished_at timestamptz
);
CREATE INDEX ON uploads (organization_id) WHERE finished_at IS NULL;

CREATE TABLE images (
  id uuid PRIMARY KEY,
  organization_id uuid NOT NULL REFERENCES organizations,
  person_id uuid NOT NULL REFERENCES people,
  upload_id text UNIQUE REFERENCES uploads,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 255),
  size bigint NOT NULL, -- bytes as uploaded
  state text NOT NULL CHECK (state IN ('checking', 'ready', 'refused', 'unverified')),
  reason text NOT NULL DEFAULT '',
  checks jsonb NOT NULL DEFAULT '[]', -- [{name, passed, detail, repair}]
  format text NOT NULL DEFAULT '',
  virtual_size bigint NOT NULL DEFAULT 0,
  canonical_size bigint NOT NULL DEFAULT 0,
  uploaded_digest text NOT NULL DEFAULT '',  -- lower-case hex SHA-256, as the two below
  canonical_digest text NOT NULL DEFAULT '',
  content_digest text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL,
  verified_at timestamptz,
  UNIQUE (id, organization_id),
  CHECK (state <> 'ready' OR canonical_digest ~ '^[0-9a-f]{64}$')
);
CREATE INDEX ON images (organization_id, created_at);

CREATE TABLE model_clusters (
  id uuid PRIMARY KEY,
  organization_id uuid NOT NULL REFERENCES organizations,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
  created_at timestamptz NOT NULL,
  UNIQUE (organization_id, name),
  UNIQUE (id, organization_id)
);

CREATE TABLE model_versions (
  id uuid PRIMARY KEY,
  organization_id uuid NOT NULL,
  model_cluster_id uuid NOT NULL,
  version text NOT NULL CHECK (length(version) BETWEEN 1 AND 40),
  state text NOT NULL CHECK (state IN ('draft', 'published')),
  revision int NOT NULL DEFAULT 1,  -- grows with each edit of a draft; a stale form names an older one
  compute_min int NOT NULL CHECK (compute_min >= 0),
  compute_max int NOT NULL CHECK (compute_max BETWEEN compute_min AND 1000),
  gate_kind text NOT NULL CHECK (gate_kind IN ('address', 'console')),
  gate_text text NOT NULL DEFAULT '' CHECK (length(gate_text) <= 200),
  gate_timeout_seconds int NOT NULL CHECK (gate_timeout_seconds BETWEEN 10 AND 3600),
  created_at timestamptz NOT NULL,
  published_at timestamptz,
  UNIQUE (model_cluster_id, version),
  UNIQUE (id, organization_id),
  FOREIGN KEY (model_cluster_id, organization_id) REFERENCES model_clusters (id, organization_id),
  CHECK ((state = 'published') = (published_at IS NOT NULL)),
  CHECK (gate_kind <> 'console' OR gate_text <> '')
);

CREATE TABLE version_roles (
  version_id uuid NOT NULL,
  organization_id uuid NOT NULL,
  role text NOT NULL CHECK (role IN ('head', 'compute')),
  image_id uuid NOT NULL,
  vcpus int NOT NULL CHECK (vcpus BETWEEN 1 AND 256),
  memory_mib int NOT NULL CHECK (memory_mib BETWEEN 64 AND 4194304),
  disk_gib int NOT NULL CHECK (disk_gib BETWEEN 1 AND 16384),
  user_data text NOT NULL DEFAULT '' CHECK (octet_length(user_data) <= 65536),
  PRIMARY KEY (version_id, role),
  FOREIGN KEY (version_id, organization_id) REFERENCES model_versions (id, organization_id),
  FOREIGN KEY (image_id, organization_id) REFERENCES images (id, organization_id)
);

-- A published version never changes: certificates and bills are bound to it.
-- +goose StatementBegin
CREATE FUNCTION refuse_published_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_TABLE_NAME = 'model_versions' THEN
    IF OLD.state = 'published' THEN
      RAISE EXCEPTION 'version % is published and never changes', OLD.id USING ERRCODE = 'restrict_violation';
    END IF;
  ELSIF EXISTS (SELECT FROM model_versions v WHERE v.state = 'published'
                AND v.id = CASE WHEN TG_OP = 'INSERT' THEN NEW.version_id ELSE OLD.version_id END) THEN
    RAISE EXCEPTION 'roles of a published version never change' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
-- +goose StatementEnd
CREATE TRIGGER published_version BEFORE UPDATE OR DELETE ON model_versions
  FOR EACH ROW EXECUTE FUNCTION refuse_published_change();
CREATE TRIGGER published_roles BEFORE INSERT OR UPDATE OR DELETE ON version_roles
  FOR EACH ROW EXECUTE FUNCTION refuse_published_change();

-- Each launch takes the next network identifier that no cluster has: one that was given back rests for long.
CREATE SEQUENCE vnis AS int MINVALUE 1 MAXVALUE 15999999 CYCLE; -- the rest is for checks of hosts

CREATE TABLE clusters (
  id uuid PRIMARY KEY,
  organization_id uuid NOT NULL REFERENCES organizations,
  provider_id uuid NOT NULL,
  pool_id uuid NOT NULL,
  version_id uuid NOT NULL,
  person_id uuid NOT NULL REFERENCES people, -- who launched it
  kind text NOT NULL CHECK (kind IN ('cluster', 'test')), -- a test is free and sealed
  name text NOT NULL CHECK (name ~ '^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$'), -- its DHCP domain is NAME.volary
  desired text NOT NULL CHECK (desired IN ('running', 'stopped', 'gone')),
  reason text NOT NULL DEFAULT '',           -- provisioner.Reason of the last change
  reason_detail text NOT NULL DEFAULT '',
  generation bigint NOT NULL DEFAULT 1,      -- grows with each change of what is wanted
  reconciled_generation bigint NOT NULL DEFAULT 0,
  claimed_by text,
  claimed_until timestamptz,
  retry_at timestamptz,                      -- not before: backoff after a host's refusal
  attempts int NOT NULL DEFAULT 0,
  vni int UNIQUE CHECK (vni BETWEEN 1 AND 16777215), -- null once gone
  subnet cidr,                                       -- null once gone
  network_generation bigint NOT NULL DEFAULT 1,
  seed_secret text NOT NULL DEFAULT '',      -- the cluster's own secret, given to its nodes
  ssh_keys text[] NOT NULL DEFAULT '{}',
  lease_seconds bigint NOT NULL CHECK (lease_seconds > 0),
  lease_ends_at timestamptz,                 -- null until READY; then ready_at + lease_seconds
  gate_deadline timestamptz,
  start_count int NOT NULL DEFAULT 1,
  created_at timestamptz NOT NULL,
  ready_at timestamptz,                      -- of the present start
  ended_at timestamptz,                      -- when it was gone
  UNIQUE (id, organization_id),
  FOREIGN KEY (pool_id, provider_id) REFERENCES pools (id, provider_id),
  FOREIGN KEY (version_id, organization_id) REFERENCES model_versions (id, organization_id),
  EXCLUDE USING gist (pool_id WITH =, subnet inet_ops WITH &&) WHERE (subnet IS NOT NULL),
  CHECK ((ended_at IS NULL) OR (vni IS NULL AND subnet IS NULL))
);
CREATE UNIQUE INDEX ON clusters (organization_id, name) WHERE ended_at IS NULL;
CREATE INDEX ON clusters (organization_id, created_at DESC);
CREATE INDEX ON clusters (provider_id, created_at DESC);
CREATE INDEX ON clusters (retry_at) WHERE reconciled_generation < generation;
CREATE INDEX ON clusters (lease_ends_at) WHERE ended_at IS NULL;
CREATE INDEX ON clusters (pool_id) WHERE ended_at IS NULL;

CREATE TABLE nodes (
  id uuid PRIMARY KEY,
  cluster_id uuid NOT NULL,
  organization_id uuid NOT NULL,
  provider_id uuid NOT NULL,
  host_id uuid NOT NULL REFERENCES hosts,
  role text NOT NULL CHECK (role IN ('head', 'compute')),
  name text NOT NULL, -- head, compute-001
  mac macaddr NOT NULL,
  address inet NOT NULL,
  ssh_port int, -- published on the host's underlay address; the head's
  shape_name text NOT NULL,
  vcpus int NOT NULL,
  memory_mib int NOT NULL,
  disk_gib int NOT NULL,
  rate bigint NOT NULL, -- milli-compute-seconds a second; 0 for tests
  image_id uuid NOT NULL REFERENCES images,
  image_digest text NOT NULL,
  state text NOT NULL CHECK (state IN
    ('reserved', 'starting', 'ready', 'stopping', 'stopped', 'lost', 'failed', 'gone')),
  reason text NOT NULL DEFAULT '',
  reason_detail text NOT NULL DEFAULT '',
  start_id text NOT NULL DEFAULT '', -- start identity seen when it became ready
  state_at timestamptz NOT NULL,
  started_at timestamptz, -- of the present start
  ready_at timestamptz,
  seen_at timestamptz,    -- last proof of life
  evidence jsonb NOT NULL DEFAULT '{}', -- what readiness was known by
  UNIQUE (cluster_id, name),
  FOREIGN KEY (cluster_id, organization_id) REFERENCES clusters (id, organization_id)
);
CREATE INDEX ON nodes (host_id) WHERE state <> 'gone';
CREATE UNIQUE INDEX ON nodes (host_id, ssh_port) WHERE ssh_port IS NOT NULL AND state <> 'gone';

CREATE TABLE acceptance_tests (
  id uuid PRIMARY KEY,
  organization_id uuid NOT NULL,
  provider_id uuid NOT NULL,
  pool_id uuid NOT NULL,
  version_id uuid NOT NULL,
  cluster_id uuid NOT NULL,
  person_id uuid NOT NULL REFERENCES people,
  nonce text NOT NULL, -- guests repeat it in what they print
  state text NOT NULL CHECK (state IN ('running', 'passed', 'failed')),
  report jsonb NOT NULL DEFAULT '{}', -- provisioner.Report
  created_at timestamptz NOT NULL,
  ended_at timestamptz,
  FOREIGN KEY (cluster_id, organization_id) REFERENCES clusters (id, organization_id),
  FOREIGN KEY (version_id, organization_id) REFERENCES model_versions (id, organization_id)
);
CREATE INDEX ON acceptance_tests (organization_id, created_at DESC);
CREATE INDEX ON acceptance_tests (version_id);

-- One use, thirty seconds: lets web hand a browser's console to the worker.
CREATE TABLE console_tickets (
  token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
  organization_id uuid NOT NULL,
  node_id uuid NOT NULL REFERENCES nodes,
  person_id uuid NOT NULL REFERENCES people,
  expires_at timestamptz NOT NULL,
  redeemed_at timestamptz
);

-- What changed, for pages that are open: organization, kind and id, never the content.
-- +goose StatementBegin
CREATE FUNCTION notify_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  subject uuid;
BEGIN
  subject := CASE TG_TABLE_NAME WHEN 'nodes' THEN (to_jsonb(NEW) ->> 'cluster_id')::uuid
                                ELSE (to_jsonb(NEW) ->> 'id')::uuid END;
  PERFORM pg_notify('volary_changes', json_build_object('organization', NEW.organization_id,
    'kind', CASE TG_TABLE_NAME WHEN 'images' THEN 'image' WHEN 'acceptance_tests' THEN 'test' ELSE 'cluster' END,
    'id', subject)::text);
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER images_changed AFTER UPDATE OF state, checks ON images
  FOR EACH ROW WHEN (OLD IS DISTINCT FROM NEW) EXECUTE FUNCTION notify_change();
CREATE TRIGGER tests_changed AFTER UPDATE OF state, report ON acceptance_tests
  FOR EACH ROW WHEN (OLD IS DISTINCT FROM NEW) EXECUTE FUNCTION notify_change();
CREATE TRIGGER clusters_changed AFTER UPDATE OF desired, reason, lease_ends_at, ready_at, ended_at ON clusters
  FOR EACH ROW WHEN (OLD IS DISTINCT FROM NEW) EXECUTE FUNCTION notify_change();
CREATE TRIGGER nodes_changed AFTER UPDATE OF state, reason ON nodes
  FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state OR OLD.reason IS DISTINCT FROM NEW.reason)
  EXECUTE FUNCTION notify_change();

-- What reconciling is asked for wakes the workers.
-- +goose StatementBegin
CREATE FUNCTION notify_work() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('volary_work', NEW.id::text);
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER clusters_work AFTER INSERT OR UPDATE OF generation ON clusters
  FOR EACH ROW EXECUTE FUNCTION notify_work();
