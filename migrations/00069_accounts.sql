-- +goose Up
-- Rights reach into machines that run: who has a login where, which keys and logins are right now, and what each node has of that.

-- A person's login in an organization, chosen when they first become a member and never changed, removed or given to another:
-- files on disks that are kept belong to its number. The range is above what a machine's own users have and below what
-- containers are given (100000), so that lastlog and the like stay small.
CREATE TABLE logins (
  organization_id uuid NOT NULL REFERENCES organizations,
  person_id uuid NOT NULL REFERENCES people,
  login text NOT NULL CHECK (login ~ '^[a-z][a-z0-9-]{0,27}$'),
  uid int NOT NULL CHECK (uid BETWEEN 70000 AND 99999),
  created_at timestamptz NOT NULL,
  PRIMARY KEY (organization_id, person_id),
  UNIQUE (organization_id, login),
  UNIQUE (organization_id, uid)
);

-- +goose StatementBegin
CREATE FUNCTION refuse_login_change() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'a login is never changed, and its number never given again' USING ERRCODE = 'restrict_violation';
END $$;
-- +goose StatementEnd
CREATE TRIGGER keep_logins BEFORE UPDATE OR DELETE OR TRUNCATE ON logins EXECUTE FUNCTION refuse_login_change();

-- Derived from the address before its @, which is plainer than names are. Names that images have themselves are left to them.
-- +goose StatementBegin
CREATE FUNCTION make_login(of_organization uuid, of_person uuid) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  base text;
  chosen text;
  number int;
  tries int := 1;
BEGIN
  -- Two at once would choose the same. Members of an organization come one after another anyway.
  PERFORM FROM organizations WHERE id = of_organization FOR NO KEY UPDATE;
  IF EXISTS (SELECT FROM logins WHERE organization_id = of_organization AND person_id = of_person) THEN
    RETURN;
  END IF;
  SELECT coalesce(max(uid), 69999) + 1 INTO number FROM logins WHERE organization_id = of_organization;
  IF number > 99999 THEN
    RETURN; -- a membership does not fail for it
  END IF;
  SELECT regexp_replace(split_part(email, '@', 1), '[^a-z0-9]+', '-', 'g') INTO base FROM people WHERE id = of_person;
  base := trim(BOTH '-' FROM left(regexp_replace(trim(BOTH '-' FROM base), '^([^a-z]|$|systemd-)', 'u\1'), 24));
  chosen := base;
  WHILE chosen IN ('root', 'toor', 'admin', 'administrator', 'adm', 'wheel', 'sudo', 'daemon', 'bin', 'sys', 'sync', 'games', 'man', 'lp', 'mail', 'news',
      'uucp', 'proxy', 'www-data', 'backup', 'list', 'irc', 'gnats', 'nobody', 'nogroup', 'messagebus', 'sshd', 'ssh', 'ntp', 'chrony', 'tss', 'uuidd', 'polkitd',
      'dnsmasq', 'libvirt-qemu', 'postfix', 'statd', 'rpc', 'rpcuser', 'nfsnobody', 'operator', 'halt', 'shutdown', 'ftp', 'users', 'user', 'guest', 'dbus', 'docker',
      'debian', 'ubuntu', 'centos', 'rocky', 'almalinux', 'fedora', 'opensuse', 'arch', 'alpine', 'ec2-user', 'cloud-user', 'core', 'vagrant', 'volary',
      'slurm', 'munge', 'condor', 'htcondor', 'mpi', 'mysql', 'postgres', 'redis', 'nginx', 'apache', 'git', 'ansible')
      OR EXISTS (SELECT FROM logins WHERE organization_id = of_organization AND login = chosen) LOOP
    tries := tries + 1;
    chosen := base || '-' || tries;
  END LOOP;
  INSERT INTO logins (organization_id, person_id, login, uid, created_at) VALUES (of_organization, of_person, chosen, number, now());
END $$;
-- +goose StatementEnd

-- +goose StatementBegin
CREATE FUNCTION give_login() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM make_login(NEW.organization_id, NEW.person_id);
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER members_have_logins AFTER INSERT ON memberships FOR EACH ROW EXECUTE FUNCTION give_login();
-- +goose StatementBegin
DO $$
DECLARE
  m record;
BEGIN
  FOR m IN SELECT organization_id, person_id FROM memberships ORDER BY created_at, person_id LOOP
    PERFORM make_login(m.organization_id, m.person_id);
  END LOOP;
END $$;
-- +goose StatementEnd

-- How often it changed who may sign in to an organization's machines. Whoever reads the number and the rights in one snapshot
-- knows of which change they are.
CREATE TABLE access_changes (
  organization_id uuid PRIMARY KEY REFERENCES organizations,
  generation bigint NOT NULL CHECK (generation > 0),
  at timestamptz NOT NULL
);

-- +goose StatementBegin
CREATE FUNCTION note_access_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  changed jsonb;
  who uuid;
  place uuid;
BEGIN
  IF TG_OP = 'DELETE' THEN
    changed := to_jsonb(OLD);
  ELSE
    changed := to_jsonb(NEW);
  END IF;
  who := (CASE WHEN TG_TABLE_NAME = 'people' THEN changed ->> 'id' ELSE changed ->> 'person_id' END)::uuid;
  place := (changed ->> 'organization_id')::uuid; -- of a membership alone
  INSERT INTO access_changes AS a (organization_id, generation, at)
    SELECT o.id, 1, now() FROM organizations o
     WHERE o.id = place OR place IS NULL AND EXISTS (SELECT FROM memberships m WHERE m.organization_id = o.id AND m.person_id = who)
     ORDER BY o.id -- so that two who change several lock them in one order
    ON CONFLICT (organization_id) DO UPDATE SET generation = a.generation + 1, at = now();
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER access_changes_with_members AFTER INSERT OR DELETE OR UPDATE OF role ON memberships FOR EACH ROW EXECUTE FUNCTION note_access_change();
CREATE TRIGGER access_changes_with_keys AFTER INSERT OR DELETE ON ssh_keys FOR EACH ROW EXECUTE FUNCTION note_access_change();
CREATE TRIGGER access_changes_with_suspension AFTER UPDATE OF suspended_at ON people FOR EACH ROW
  WHEN ((OLD.suspended_at IS NULL) <> (NEW.suspended_at IS NULL)) EXECUTE FUNCTION note_access_change();

-- The keys that may open an organization's machines now. The worker sees these, and no other keys of anybody.
CREATE VIEW rightful_keys AS
  SELECT m.organization_id, m.person_id, m.role, k.id AS key_id, k.fingerprint, k.public_key
    FROM ssh_keys k JOIN memberships m ON m.person_id = k.person_id JOIN people p ON p.id = k.person_id
   WHERE m.role NOT IN ('billing', 'auditor') AND p.suspended_at IS NULL;

-- What of it a running node has, in the word of its guest's agent, and what keeps it from having the rest. One row a node.
CREATE TABLE node_access (
  node_id uuid PRIMARY KEY REFERENCES nodes,
  cluster_id uuid NOT NULL REFERENCES clusters,
  organization_id uuid NOT NULL REFERENCES organizations,
  generation bigint NOT NULL DEFAULT 0,       -- the change up to which it has all
  start_id text NOT NULL DEFAULT '',          -- the machine's start in which it has it
  taken text[] NOT NULL DEFAULT '{}',         -- fingerprints of keys of the seed that were taken out in that start
  absent text[] NOT NULL DEFAULT '{}',        -- logins that could not be made: the image has others of that name
  done_at timestamptz,                        -- when it last came to have all
  tried_generation bigint NOT NULL DEFAULT 0, -- of the last try, whatever came of it
  tried_start_id text NOT NULL DEFAULT '',
  tried_at timestamptz,
  tries int NOT NULL DEFAULT 0 CHECK (tries >= 0), -- in vain, one after another
  problem text NOT NULL DEFAULT '' CHECK (problem IN ('', 'agent', 'refused', 'time', 'nonsense', 'host', 'script')),
  problem_since timestamptz,
  retry_at timestamptz,
  claimed_by text,
  claimed_until timestamptz,
  CHECK ((problem = '') = (problem_since IS NULL)),
  CHECK ((claimed_by IS NULL) = (claimed_until IS NULL)),
  CHECK (cardinality(taken) <= 2000 AND cardinality(absent) <= 2000)
);
CREATE INDEX ON node_access (cluster_id);

-- +goose StatementBegin
CREATE FUNCTION notify_access() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  PERFORM pg_notify('volary_changes', json_build_object('organization', NEW.organization_id, 'kind', 'cluster', 'id', NEW.cluster_id)::text);
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER access_changed AFTER UPDATE ON node_access FOR EACH ROW
  WHEN ((OLD.taken, OLD.absent, OLD.problem) IS DISTINCT FROM (NEW.taken, NEW.absent, NEW.problem)) EXECUTE FUNCTION notify_access();
