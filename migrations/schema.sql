-- The schema that the migrations make. Written by `go run ./cmd/dev gen`; never edited.

CREATE EXTENSION btree_gist;

CREATE OR REPLACE FUNCTION public.notify_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
DECLARE
  subject uuid;
BEGIN
  subject := CASE TG_TABLE_NAME WHEN 'nodes' THEN (to_jsonb(NEW) ->> 'cluster_id')::uuid
                                ELSE (to_jsonb(NEW) ->> 'id')::uuid END;
  PERFORM pg_notify('volary_changes', json_build_object('organization', NEW.organization_id,
    'kind', CASE TG_TABLE_NAME WHEN 'images' THEN 'image' WHEN 'acceptance_tests' THEN 'test' ELSE 'cluster' END,
    'id', subject)::text);
  RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.notify_work()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
BEGIN
  PERFORM pg_notify('volary_work', NEW.id::text);
  RETURN NULL;
END $function$;

CREATE OR REPLACE FUNCTION public.refuse_published_change()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$
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
END $function$;

CREATE TABLE acceptance_tests (
  id uuid NOT NULL,
  organization_id uuid NOT NULL,
  provider_id uuid NOT NULL,
  pool_id uuid NOT NULL,
  version_id uuid NOT NULL,
  cluster_id uuid NOT NULL,
  person_id uuid NOT NULL,
  nonce text NOT NULL,
  state text NOT NULL,
  report jsonb DEFAULT '{}'::jsonb NOT NULL,
  created_at timestamp with time zone NOT NULL,
  ended_at timestamp with time zone,
  CONSTRAINT acceptance_tests_cluster_id_organization_id_fkey FOREIGN KEY (cluster_id, organization_id) REFERENCES clusters(id, organization_id),
  CONSTRAINT acceptance_tests_person_id_fkey FOREIGN KEY (person_id) REFERENCES people(id),
  CONSTRAINT acceptance_tests_pkey PRIMARY KEY (id),
  CONSTRAINT acceptance_tests_state_check CHECK ((state = ANY (ARRAY['running'::text, 'passed'::text, 'failed'::text]))),
  CONSTRAINT acceptance_tests_version_id_organization_id_fkey FOREIGN KEY (version_id, organization_id) REFERENCES model_versions(id, organization_id)
);

CREATE TABLE audit (
  id uuid NOT NULL,
  at timestamp with time zone NOT NULL,
  person_id uuid,
  organization_id uuid,
  provider_id uuid,
  verb text NOT NULL,
  subject text NOT NULL,
  subject_id uuid,
  detail jsonb DEFAULT '{}'::jsonb NOT NULL,
  CONSTRAINT audit_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id),
  CONSTRAINT audit_person_id_fkey FOREIGN KEY (person_id) REFERENCES people(id),
  CONSTRAINT audit_pkey PRIMARY KEY (id),
  CONSTRAINT audit_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES providers(id)
);

CREATE TABLE clusters (
  id uuid NOT NULL,
  organization_id uuid NOT NULL,
  provider_id uuid NOT NULL,
  pool_id uuid NOT NULL,
  version_id uuid NOT NULL,
  person_id uuid NOT NULL,
  kind text NOT NULL,
  name text NOT NULL,
  desired text NOT NULL,
  reason text DEFAULT ''::text NOT NULL,
  reason_detail text DEFAULT ''::text NOT NULL,
  generation bigint DEFAULT 1 NOT NULL,
  reconciled_generation bigint DEFAULT 0 NOT NULL,
  claimed_by text,
  claimed_until timestamp with time zone,
  retry_at timestamp with time zone,
  attempts integer DEFAULT 0 NOT NULL,
  vni integer,
  subnet cidr,
  network_generation bigint DEFAULT 1 NOT NULL,
  seed_secret text DEFAULT ''::text NOT NULL,
  ssh_keys text[] DEFAULT '{}'::text[] NOT NULL,
  lease_seconds bigint NOT NULL,
  lease_ends_at timestamp with time zone,
  gate_deadline timestamp with time zone,
  start_count integer DEFAULT 1 NOT NULL,
  created_at timestamp with time zone NOT NULL,
  ready_at timestamp with time zone,
  ended_at timestamp with time zone,
  CONSTRAINT clusters_check CHECK (((ended_at IS NULL) OR ((vni IS NULL) AND (subnet IS NULL)))),
  CONSTRAINT clusters_desired_check CHECK ((desired = ANY (ARRAY['running'::text, 'stopped'::text, 'gone'::text]))),
  CONSTRAINT clusters_id_organization_id_key UNIQUE (id, organization_id),
  CONSTRAINT clusters_kind_check CHECK ((kind = ANY (ARRAY['cluster'::text, 'test'::text]))),
  CONSTRAINT clusters_lease_seconds_check CHECK ((lease_seconds > 0)),
  CONSTRAINT clusters_name_check CHECK ((name ~ '^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$'::text)),
  CONSTRAINT clusters_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id),
  CONSTRAINT clusters_person_id_fkey FOREIGN KEY (person_id) REFERENCES people(id),
  CONSTRAINT clusters_pkey PRIMARY KEY (id),
  CONSTRAINT clusters_pool_id_provider_id_fkey FOREIGN KEY (pool_id, provider_id) REFERENCES pools(id, provider_id),
  CONSTRAINT clusters_pool_id_subnet_excl EXCLUDE USING gist (pool_id WITH =, subnet inet_ops WITH &&) WHERE ((subnet IS NOT NULL)),
  CONSTRAINT clusters_version_id_organization_id_fkey FOREIGN KEY (version_id, organization_id) REFERENCES model_versions(id, organization_id),
  CONSTRAINT clusters_vni_check CHECK (((vni >= 1) AND (vni <= 16777215))),
  CONSTRAINT clusters_vni_key UNIQUE (vni)
);

CREATE TABLE console_tickets (
  token_hash bytea NOT NULL,
  organization_id uuid NOT NULL,
  node_id uuid NOT NULL,
  person_id uuid NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  redeemed_at timestamp with time zone,
  CONSTRAINT console_tickets_node_id_fkey FOREIGN KEY (node_id) REFERENCES nodes(id),
  CONSTRAINT console_tickets_person_id_fkey FOREIGN KEY (person_id) REFERENCES people(id),
  CONSTRAINT console_tickets_pkey PRIMARY KEY (token_hash),
  CONSTRAINT console_tickets_token_hash_check CHECK ((length(token_hash) = 32))
);

CREATE TABLE hosts (
  id uuid NOT NULL,
  provider_id uuid NOT NULL,
  pool_id uuid NOT NULL,
  name text NOT NULL,
  scheme text NOT NULL,
  address text NOT NULL,
  port integer NOT NULL,
  underlay inet NOT NULL,
  machine uuid,
  state text NOT NULL,
  state_reason text DEFAULT ''::text NOT NULL,
  acceleration text,
  vcpus integer DEFAULT 0 NOT NULL,
  memory_mib integer DEFAULT 0 NOT NULL,
  disk_gib integer DEFAULT 0 NOT NULL,
  labels jsonb DEFAULT '{}'::jsonb NOT NULL,
  check_state text DEFAULT 'none'::text NOT NULL,
  check_report jsonb DEFAULT '[]'::jsonb NOT NULL,
  checked_at timestamp with time zone,
  claimed_by text,
  claimed_until timestamp with time zone,
  round_at timestamp with time zone,
  missed_rounds integer DEFAULT 0 NOT NULL,
  created_at timestamp with time zone NOT NULL,
  CONSTRAINT hosts_acceleration_check CHECK ((acceleration = ANY (ARRAY['kvm'::text, 'tcg'::text]))),
  CONSTRAINT hosts_check_state_check CHECK ((check_state = ANY (ARRAY['none'::text, 'running'::text, 'passed'::text, 'failed'::text]))),
  CONSTRAINT hosts_machine_key UNIQUE (machine),
  CONSTRAINT hosts_name_check CHECK (((length(name) >= 1) AND (length(name) <= 80))),
  CONSTRAINT hosts_pkey PRIMARY KEY (id),
  CONSTRAINT hosts_pool_id_name_key UNIQUE (pool_id, name),
  CONSTRAINT hosts_pool_id_provider_id_fkey FOREIGN KEY (pool_id, provider_id) REFERENCES pools(id, provider_id),
  CONSTRAINT hosts_port_check CHECK (((port >= 0) AND (port <= 65535))),
  CONSTRAINT hosts_scheme_address_port_key UNIQUE (scheme, address, port),
  CONSTRAINT hosts_scheme_check CHECK ((scheme = ANY (ARRAY['tls'::text, 'ssh'::text, 'tcp'::text, 'unix'::text, 'memory'::text]))),
  CONSTRAINT hosts_state_check CHECK ((state = ANY (ARRAY['active'::text, 'cordoned'::text, 'draining'::text, 'down'::text])))
);

CREATE TABLE images (
  id uuid NOT NULL,
  organization_id uuid NOT NULL,
  person_id uuid NOT NULL,
  upload_id text,
  name text NOT NULL,
  size bigint NOT NULL,
  state text NOT NULL,
  reason text DEFAULT ''::text NOT NULL,
  checks jsonb DEFAULT '[]'::jsonb NOT NULL,
  format text DEFAULT ''::text NOT NULL,
  virtual_size bigint DEFAULT 0 NOT NULL,
  canonical_size bigint DEFAULT 0 NOT NULL,
  uploaded_digest text DEFAULT ''::text NOT NULL,
  canonical_digest text DEFAULT ''::text NOT NULL,
  content_digest text DEFAULT ''::text NOT NULL,
  created_at timestamp with time zone NOT NULL,
  verified_at timestamp with time zone,
  CONSTRAINT images_check CHECK (((state <> 'ready'::text) OR (canonical_digest ~ '^[0-9a-f]{64}$'::text))),
  CONSTRAINT images_id_organization_id_key UNIQUE (id, organization_id),
  CONSTRAINT images_name_check CHECK (((length(name) >= 1) AND (length(name) <= 255))),
  CONSTRAINT images_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id),
  CONSTRAINT images_person_id_fkey FOREIGN KEY (person_id) REFERENCES people(id),
  CONSTRAINT images_pkey PRIMARY KEY (id),
  CONSTRAINT images_state_check CHECK ((state = ANY (ARRAY['checking'::text, 'ready'::text, 'refused'::text, 'unverified'::text]))),
  CONSTRAINT images_upload_id_fkey FOREIGN KEY (upload_id) REFERENCES uploads(id),
  CONSTRAINT images_upload_id_key UNIQUE (upload_id)
);

CREATE TABLE memberships (
  organization_id uuid NOT NULL,
  person_id uuid NOT NULL,
  role text NOT NULL,
  created_at timestamp with time zone NOT NULL,
  CONSTRAINT memberships_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id),
  CONSTRAINT memberships_person_id_fkey FOREIGN KEY (person_id) REFERENCES people(id),
  CONSTRAINT memberships_pkey PRIMARY KEY (organization_id, person_id),
  CONSTRAINT memberships_role_check CHECK ((role = ANY (ARRAY['owner'::text, 'manager'::text, 'member'::text, 'billing'::text])))
);

CREATE TABLE model_clusters (
  id uuid NOT NULL,
  organization_id uuid NOT NULL,
  name text NOT NULL,
  created_at timestamp with time zone NOT NULL,
  CONSTRAINT model_clusters_id_organization_id_key UNIQUE (id, organization_id),
  CONSTRAINT model_clusters_name_check CHECK (((length(name) >= 1) AND (length(name) <= 80))),
  CONSTRAINT model_clusters_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id),
  CONSTRAINT model_clusters_organization_id_name_key UNIQUE (organization_id, name),
  CONSTRAINT model_clusters_pkey PRIMARY KEY (id)
);

CREATE TABLE model_versions (
  id uuid NOT NULL,
  organization_id uuid NOT NULL,
  model_cluster_id uuid NOT NULL,
  version text NOT NULL,
  state text NOT NULL,
  revision integer DEFAULT 1 NOT NULL,
  compute_min integer NOT NULL,
  compute_max integer NOT NULL,
  gate_kind text NOT NULL,
  gate_text text DEFAULT ''::text NOT NULL,
  gate_timeout_seconds integer NOT NULL,
  created_at timestamp with time zone NOT NULL,
  published_at timestamp with time zone,
  CONSTRAINT model_versions_check CHECK (((compute_max >= compute_min) AND (compute_max <= 1000))),
  CONSTRAINT model_versions_check1 CHECK (((state = 'published'::text) = (published_at IS NOT NULL))),
  CONSTRAINT model_versions_check2 CHECK (((gate_kind <> 'console'::text) OR (gate_text <> ''::text))),
  CONSTRAINT model_versions_compute_min_check CHECK ((compute_min >= 0)),
  CONSTRAINT model_versions_gate_kind_check CHECK ((gate_kind = ANY (ARRAY['address'::text, 'console'::text]))),
  CONSTRAINT model_versions_gate_text_check CHECK ((length(gate_text) <= 200)),
  CONSTRAINT model_versions_gate_timeout_seconds_check CHECK (((gate_timeout_seconds >= 10) AND (gate_timeout_seconds <= 3600))),
  CONSTRAINT model_versions_id_organization_id_key UNIQUE (id, organization_id),
  CONSTRAINT model_versions_model_cluster_id_organization_id_fkey FOREIGN KEY (model_cluster_id, organization_id) REFERENCES model_clusters(id, organization_id),
  CONSTRAINT model_versions_model_cluster_id_version_key UNIQUE (model_cluster_id, version),
  CONSTRAINT model_versions_pkey PRIMARY KEY (id),
  CONSTRAINT model_versions_state_check CHECK ((state = ANY (ARRAY['draft'::text, 'published'::text]))),
  CONSTRAINT model_versions_version_check CHECK (((length(version) >= 1) AND (length(version) <= 40)))
);

CREATE TABLE nodes (
  id uuid NOT NULL,
  cluster_id uuid NOT NULL,
  organization_id uuid NOT NULL,
  provider_id uuid NOT NULL,
  host_id uuid NOT NULL,
  role text NOT NULL,
  name text NOT NULL,
  mac macaddr NOT NULL,
  address inet NOT NULL,
  ssh_port integer,
  shape_name text NOT NULL,
  vcpus integer NOT NULL,
  memory_mib integer NOT NULL,
  disk_gib integer NOT NULL,
  rate bigint NOT NULL,
  image_id uuid NOT NULL,
  image_digest text NOT NULL,
  state text NOT NULL,
  reason text DEFAULT ''::text NOT NULL,
  reason_detail text DEFAULT ''::text NOT NULL,
  start_id text DEFAULT ''::text NOT NULL,
  state_at timestamp with time zone NOT NULL,
  started_at timestamp with time zone,
  ready_at timestamp with time zone,
  seen_at timestamp with time zone,
  evidence jsonb DEFAULT '{}'::jsonb NOT NULL,
  CONSTRAINT nodes_cluster_id_name_key UNIQUE (cluster_id, name),
  CONSTRAINT nodes_cluster_id_organization_id_fkey FOREIGN KEY (cluster_id, organization_id) REFERENCES clusters(id, organization_id),
  CONSTRAINT nodes_host_id_fkey FOREIGN KEY (host_id) REFERENCES hosts(id),
  CONSTRAINT nodes_image_id_fkey FOREIGN KEY (image_id) REFERENCES images(id),
  CONSTRAINT nodes_pkey PRIMARY KEY (id),
  CONSTRAINT nodes_role_check CHECK ((role = ANY (ARRAY['head'::text, 'compute'::text]))),
  CONSTRAINT nodes_state_check CHECK ((state = ANY (ARRAY['reserved'::text, 'starting'::text, 'ready'::text, 'stopping'::text, 'stopped'::text, 'lost'::text, 'failed'::text, 'gone'::text])))
);

CREATE TABLE organizations (
  id uuid NOT NULL,
  name text NOT NULL,
  created_at timestamp with time zone NOT NULL,
  CONSTRAINT organizations_name_check CHECK (((length(name) >= 2) AND (length(name) <= 80))),
  CONSTRAINT organizations_name_key UNIQUE (name),
  CONSTRAINT organizations_pkey PRIMARY KEY (id)
);

CREATE TABLE people (
  id uuid NOT NULL,
  email text NOT NULL,
  name text NOT NULL,
  password_hash text NOT NULL,
  platform_admin boolean DEFAULT false NOT NULL,
  created_at timestamp with time zone NOT NULL,
  CONSTRAINT people_email_check CHECK (((email = lower(email)) AND ((length(email) >= 3) AND (length(email) <= 254)))),
  CONSTRAINT people_email_key UNIQUE (email),
  CONSTRAINT people_name_check CHECK (((length(name) >= 1) AND (length(name) <= 120))),
  CONSTRAINT people_pkey PRIMARY KEY (id)
);

CREATE TABLE pools (
  id uuid NOT NULL,
  provider_id uuid NOT NULL,
  name text NOT NULL,
  prefix cidr NOT NULL,
  subnet_bits integer DEFAULT 24 NOT NULL,
  underlay cidr NOT NULL,
  management cidr[] DEFAULT '{}'::cidr[] NOT NULL,
  storage text NOT NULL,
  machine_type text NOT NULL,
  cpu text DEFAULT ''::text NOT NULL,
  mtu integer DEFAULT 1450 NOT NULL,
  masquerade boolean DEFAULT true NOT NULL,
  wipe_disks boolean DEFAULT false NOT NULL,
  test_vcpus integer DEFAULT 4 NOT NULL,
  ports int4range DEFAULT '[20000,30000)'::int4range NOT NULL,
  max_lease_hours integer DEFAULT 720 NOT NULL,
  created_at timestamp with time zone NOT NULL,
  CONSTRAINT pools_check CHECK ((masklen((prefix)::inet) <= subnet_bits)),
  CONSTRAINT pools_id_provider_id_key UNIQUE (id, provider_id),
  CONSTRAINT pools_max_lease_hours_check CHECK (((max_lease_hours >= 1) AND (max_lease_hours <= 8760))),
  CONSTRAINT pools_mtu_check CHECK (((mtu >= 576) AND (mtu <= 9166))),
  CONSTRAINT pools_name_check CHECK (((length(name) >= 1) AND (length(name) <= 80))),
  CONSTRAINT pools_pkey PRIMARY KEY (id),
  CONSTRAINT pools_prefix_check CHECK ((family((prefix)::inet) = 4)),
  CONSTRAINT pools_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES providers(id),
  CONSTRAINT pools_provider_id_name_key UNIQUE (provider_id, name),
  CONSTRAINT pools_storage_check CHECK ((storage = ANY (ARRAY['local'::text, 'shared'::text]))),
  CONSTRAINT pools_subnet_bits_check CHECK (((subnet_bits >= 16) AND (subnet_bits <= 28))),
  CONSTRAINT pools_test_vcpus_check CHECK ((test_vcpus >= 0))
);

CREATE TABLE providers (
  id uuid NOT NULL,
  name text NOT NULL,
  currency text NOT NULL,
  accounting_zone text NOT NULL,
  created_at timestamp with time zone NOT NULL,
  CONSTRAINT providers_currency_check CHECK ((currency ~ '^[A-Z]{3}$'::text)),
  CONSTRAINT providers_name_check CHECK (((length(name) >= 2) AND (length(name) <= 80))),
  CONSTRAINT providers_name_key UNIQUE (name),
  CONSTRAINT providers_pkey PRIMARY KEY (id)
);

CREATE TABLE sessions (
  id uuid NOT NULL,
  token_hash bytea NOT NULL,
  person_id uuid NOT NULL,
  organization_id uuid,
  provider_id uuid,
  user_agent text NOT NULL,
  address inet,
  created_at timestamp with time zone NOT NULL,
  seen_at timestamp with time zone NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  CONSTRAINT sessions_check CHECK (((organization_id IS NULL) OR (provider_id IS NULL))),
  CONSTRAINT sessions_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id),
  CONSTRAINT sessions_person_id_fkey FOREIGN KEY (person_id) REFERENCES people(id),
  CONSTRAINT sessions_pkey PRIMARY KEY (id),
  CONSTRAINT sessions_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES providers(id),
  CONSTRAINT sessions_token_hash_check CHECK ((length(token_hash) = 32)),
  CONSTRAINT sessions_token_hash_key UNIQUE (token_hash)
);

CREATE TABLE shapes (
  id uuid NOT NULL,
  provider_id uuid NOT NULL,
  name text NOT NULL,
  vcpus integer NOT NULL,
  memory_mib integer NOT NULL,
  disk_gib integer NOT NULL,
  rate bigint NOT NULL,
  created_at timestamp with time zone NOT NULL,
  CONSTRAINT shapes_disk_gib_check CHECK (((disk_gib >= 1) AND (disk_gib <= 65536))),
  CONSTRAINT shapes_memory_mib_check CHECK (((memory_mib >= 64) AND (memory_mib <= 16777216))),
  CONSTRAINT shapes_name_check CHECK (((length(name) >= 1) AND (length(name) <= 40))),
  CONSTRAINT shapes_pkey PRIMARY KEY (id),
  CONSTRAINT shapes_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES providers(id),
  CONSTRAINT shapes_provider_id_name_key UNIQUE (provider_id, name),
  CONSTRAINT shapes_rate_check CHECK ((rate > 0)),
  CONSTRAINT shapes_vcpus_check CHECK (((vcpus >= 1) AND (vcpus <= 1024)))
);

CREATE TABLE sign_in_failures (
  key text NOT NULL,
  at timestamp with time zone NOT NULL
);

CREATE TABLE ssh_keys (
  id uuid NOT NULL,
  person_id uuid NOT NULL,
  name text NOT NULL,
  public_key text NOT NULL,
  fingerprint text NOT NULL,
  created_at timestamp with time zone NOT NULL,
  CONSTRAINT ssh_keys_name_check CHECK (((length(name) >= 1) AND (length(name) <= 80))),
  CONSTRAINT ssh_keys_person_id_fingerprint_key UNIQUE (person_id, fingerprint),
  CONSTRAINT ssh_keys_person_id_fkey FOREIGN KEY (person_id) REFERENCES people(id),
  CONSTRAINT ssh_keys_pkey PRIMARY KEY (id),
  CONSTRAINT ssh_keys_public_key_check CHECK ((length(public_key) <= 8192))
);

CREATE TABLE staff (
  provider_id uuid NOT NULL,
  person_id uuid NOT NULL,
  role text NOT NULL,
  created_at timestamp with time zone NOT NULL,
  CONSTRAINT staff_person_id_fkey FOREIGN KEY (person_id) REFERENCES people(id),
  CONSTRAINT staff_pkey PRIMARY KEY (provider_id, person_id),
  CONSTRAINT staff_provider_id_fkey FOREIGN KEY (provider_id) REFERENCES providers(id),
  CONSTRAINT staff_role_check CHECK ((role = ANY (ARRAY['admin'::text, 'operator'::text, 'accountant'::text])))
);

CREATE TABLE uploads (
  id text NOT NULL,
  organization_id uuid NOT NULL,
  person_id uuid NOT NULL,
  filename text NOT NULL,
  size bigint NOT NULL,
  created_at timestamp with time zone NOT NULL,
  finished_at timestamp with time zone,
  CONSTRAINT uploads_filename_check CHECK ((length(filename) <= 255)),
  CONSTRAINT uploads_id_check CHECK ((id ~ '^[0-9a-f]{32}$'::text)),
  CONSTRAINT uploads_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES organizations(id),
  CONSTRAINT uploads_person_id_fkey FOREIGN KEY (person_id) REFERENCES people(id),
  CONSTRAINT uploads_pkey PRIMARY KEY (id),
  CONSTRAINT uploads_size_check CHECK ((size > 0))
);

CREATE TABLE version_roles (
  version_id uuid NOT NULL,
  organization_id uuid NOT NULL,
  role text NOT NULL,
  image_id uuid NOT NULL,
  vcpus integer NOT NULL,
  memory_mib integer NOT NULL,
  disk_gib integer NOT NULL,
  user_data text DEFAULT ''::text NOT NULL,
  CONSTRAINT version_roles_disk_gib_check CHECK (((disk_gib >= 1) AND (disk_gib <= 16384))),
  CONSTRAINT version_roles_image_id_organization_id_fkey FOREIGN KEY (image_id, organization_id) REFERENCES images(id, organization_id),
  CONSTRAINT version_roles_memory_mib_check CHECK (((memory_mib >= 64) AND (memory_mib <= 4194304))),
  CONSTRAINT version_roles_pkey PRIMARY KEY (version_id, role),
  CONSTRAINT version_roles_role_check CHECK ((role = ANY (ARRAY['head'::text, 'compute'::text]))),
  CONSTRAINT version_roles_user_data_check CHECK ((octet_length(user_data) <= 65536)),
  CONSTRAINT version_roles_vcpus_check CHECK (((vcpus >= 1) AND (vcpus <= 256))),
  CONSTRAINT version_roles_version_id_organization_id_fkey FOREIGN KEY (version_id, organization_id) REFERENCES model_versions(id, organization_id)
);

CREATE INDEX acceptance_tests_organization_id_created_at_idx ON public.acceptance_tests USING btree (organization_id, created_at DESC);

CREATE INDEX acceptance_tests_version_id_idx ON public.acceptance_tests USING btree (version_id);

CREATE INDEX audit_organization_id_at_idx ON public.audit USING btree (organization_id, at);

CREATE INDEX audit_provider_id_at_idx ON public.audit USING btree (provider_id, at);

CREATE INDEX clusters_organization_id_created_at_idx ON public.clusters USING btree (organization_id, created_at DESC);

CREATE UNIQUE INDEX clusters_organization_id_name_idx ON public.clusters USING btree (organization_id, name) WHERE (ended_at IS NULL);

CREATE INDEX clusters_provider_id_created_at_idx ON public.clusters USING btree (provider_id, created_at DESC);

CREATE INDEX clusters_retry_at_idx ON public.clusters USING btree (retry_at) WHERE (reconciled_generation < generation);

CREATE INDEX images_organization_id_created_at_idx ON public.images USING btree (organization_id, created_at);

CREATE INDEX memberships_person_id_idx ON public.memberships USING btree (person_id);

CREATE INDEX nodes_host_id_idx ON public.nodes USING btree (host_id) WHERE (state <> 'gone'::text);

CREATE UNIQUE INDEX nodes_host_id_ssh_port_idx ON public.nodes USING btree (host_id, ssh_port) WHERE ((ssh_port IS NOT NULL) AND (state <> 'gone'::text));

CREATE INDEX sessions_expires_at_idx ON public.sessions USING btree (expires_at);

CREATE INDEX sessions_person_id_idx ON public.sessions USING btree (person_id);

CREATE INDEX sign_in_failures_key_at_idx ON public.sign_in_failures USING btree (key, at);

CREATE INDEX staff_person_id_idx ON public.staff USING btree (person_id);

CREATE INDEX uploads_organization_id_idx ON public.uploads USING btree (organization_id) WHERE (finished_at IS NULL);

CREATE TRIGGER tests_changed AFTER UPDATE OF state, report ON acceptance_tests FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION notify_change();

CREATE TRIGGER clusters_changed AFTER UPDATE OF desired, reason, lease_ends_at, ready_at, ended_at ON clusters FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION notify_change();

CREATE TRIGGER clusters_work AFTER INSERT OR UPDATE OF generation ON clusters FOR EACH ROW EXECUTE FUNCTION notify_work();

CREATE TRIGGER images_changed AFTER UPDATE OF state, checks ON images FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION notify_change();

CREATE TRIGGER published_version BEFORE DELETE OR UPDATE ON model_versions FOR EACH ROW EXECUTE FUNCTION refuse_published_change();

CREATE TRIGGER nodes_changed AFTER UPDATE OF state, reason ON nodes FOR EACH ROW WHEN (old.state IS DISTINCT FROM new.state OR old.reason IS DISTINCT FROM new.reason) EXECUTE FUNCTION notify_change();

CREATE TRIGGER published_roles BEFORE INSERT OR DELETE OR UPDATE ON version_roles FOR EACH ROW EXECUTE FUNCTION refuse_published_change();
