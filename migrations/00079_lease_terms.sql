-- +goose Up
-- How a lease ends, and what becomes of the cluster then. What is kept after a lease is free, and each provider bounds it.

ALTER TABLE clusters
  ADD COLUMN lease_until timestamptz,                        -- the lease ends then, whenever it begins; null: lease_seconds after READY
  ADD COLUMN until_stopped boolean NOT NULL DEFAULT false,   -- it extends itself by the hour
  ADD COLUMN lease_stays text NOT NULL DEFAULT '' CHECK (length(lease_stays) <= 500), -- why it was not extended when it was due
  ADD COLUMN lease_tried_at timestamptz,                     -- when that was found out last
  ADD COLUMN at_end text NOT NULL DEFAULT 'keep' CHECK (at_end IN ('keep', 'delete')),
  ADD COLUMN keep_days int NOT NULL DEFAULT 1 CHECK (keep_days BETWEEN 1 AND 365),
  ADD COLUMN kept_until timestamptz,                         -- of one that its lease's end stopped: it is deleted then
  ADD CONSTRAINT clusters_lease_ends_one_way CHECK (NOT until_stopped OR lease_until IS NULL);
-- What was stopped by its lease's end was promised a day.
UPDATE clusters SET kept_until = lease_ends_at + interval '24 hours' WHERE ended_at IS NULL AND desired = 'stopped' AND reason = 'lease_ended' AND barred_at IS NULL;
ALTER TABLE clusters ADD CONSTRAINT clusters_kept_stopped CHECK (kept_until IS NULL OR desired = 'stopped');
CREATE INDEX clusters_kept_until_idx ON clusters (kept_until) WHERE kept_until IS NOT NULL;

ALTER TABLE providers
  ADD COLUMN kept_days_most int NOT NULL DEFAULT 30 CHECK (kept_days_most BETWEEN 1 AND 365),
  ADD COLUMN kept_gib_most int CHECK (kept_gib_most >= 0);   -- of one organization's disks; null: no bound

DROP TRIGGER clusters_changed ON clusters;
CREATE TRIGGER clusters_changed AFTER UPDATE OF desired, reason, lease_ends_at, ready_at, ended_at, barred_at, until_stopped, lease_stays, at_end, keep_days, kept_until ON clusters
  FOR EACH ROW WHEN (old.* IS DISTINCT FROM new.*) EXECUTE FUNCTION notify_change();
