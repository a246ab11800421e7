-- +goose Up
-- What an organization may keep: its images, what is on its way in and what is being checked, in bytes.

ALTER TABLE organizations
  ADD COLUMN quota bigint CHECK (quota >= 0); -- bytes; null: the platform's, which is configured

-- An image's digest counts once in its organization, and a file that was brought already is found by its own.
CREATE INDEX ON images (organization_id, canonical_digest);
CREATE INDEX ON uploads (organization_id, digest) WHERE state = 'done';
