-- +goose Up
-- An invitation of a member carries the cap that they begin with.

ALTER TABLE invitations
  ADD COLUMN cap bigint, -- milli-compute-seconds; null: none, or the one that was kept of who comes back
  ADD CHECK (cap IS NULL OR (cap >= 0 AND organization_id IS NOT NULL AND role = 'member'));
