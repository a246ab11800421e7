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
