-- +goose Up
-- A provider's staff end a cluster on its hosts: it is stopped, its organization may not start it until staff allow it
-- again, and its disks are kept until a stated time, after which it is deleted.

ALTER TABLE clusters
  ADD COLUMN barred_at timestamptz,
  ADD COLUMN barred_by uuid REFERENCES people (id),
  ADD COLUMN barred_why text NOT NULL DEFAULT '' CHECK (length(barred_why) <= 500),
  ADD COLUMN disks_until timestamptz,
  ADD CONSTRAINT clusters_barred_whole CHECK ((barred_at IS NULL) = (disks_until IS NULL) AND (barred_at IS NULL) = (barred_why = ''));

DROP TRIGGER clusters_changed ON clusters;
CREATE TRIGGER clusters_changed AFTER UPDATE OF desired, reason, lease_ends_at, ready_at, ended_at, barred_at ON clusters
  FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION notify_change();

-- The whole platform's log, by time, and narrowed as those of organizations and providers are; what is of neither.
CREATE INDEX ON audit (at DESC, id DESC);
CREATE INDEX ON audit (verb, at DESC);
CREATE INDEX ON audit (person_id, at DESC);
CREATE INDEX audit_nowhere_at_idx ON audit (at DESC, id DESC) WHERE organization_id IS NULL AND provider_id IS NULL;

-- An auditor reads its place and changes nothing: of an organization, a provider, or the platform.
ALTER TABLE memberships DROP CONSTRAINT memberships_role_check,
  ADD CONSTRAINT memberships_role_check CHECK (role IN ('owner', 'manager', 'member', 'billing', 'auditor'));
ALTER TABLE staff DROP CONSTRAINT staff_role_check,
  ADD CONSTRAINT staff_role_check CHECK (role IN ('admin', 'operator', 'accountant', 'auditor'));
ALTER TABLE invitations DROP CONSTRAINT invitations_check1, DROP CONSTRAINT invitations_check2,
  ADD CONSTRAINT invitations_check1 CHECK (organization_id IS NULL OR role IN ('owner', 'manager', 'member', 'billing', 'auditor')),
  ADD CONSTRAINT invitations_check2 CHECK (provider_id IS NULL OR role IN ('admin', 'operator', 'accountant', 'auditor'));
ALTER TABLE people ADD COLUMN platform_auditor boolean NOT NULL DEFAULT false;
DROP TRIGGER rights_ended ON people;
CREATE TRIGGER rights_ended AFTER UPDATE OF suspended_at, platform_admin, platform_auditor ON people FOR EACH ROW EXECUTE FUNCTION notify_rights();
