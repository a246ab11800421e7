-- +goose Up
-- The digest of what a guest reads is one of extents now, which 1 TiB of holes costs nothing (provisioner/image, doc.go). What was recorded
-- before is the hash of every byte, and nobody can tell the one from the other: images from before have none.
ALTER TABLE images RENAME COLUMN content_digest TO guest_digest;
UPDATE images SET guest_digest = '';
ALTER TABLE images
  ADD CHECK (guest_digest = '' OR guest_digest ~ '^[0-9a-f]{64}$'), -- empty: from before
  -- What the OVA that it came in asks for, a proposal for who uses it; 0: nobody said.
  ADD COLUMN proposed_vcpus int NOT NULL DEFAULT 0 CHECK (proposed_vcpus BETWEEN 0 AND 4096),
  ADD COLUMN proposed_memory_mib bigint NOT NULL DEFAULT 0 CHECK (proposed_memory_mib BETWEEN 0 AND 64 << 20);
CREATE INDEX ON images (organization_id, guest_digest) WHERE guest_digest <> '';

-- What its verification does at this moment: {step, member, number, of, done, total}; {} outside of one.
ALTER TABLE uploads ADD COLUMN progress jsonb NOT NULL DEFAULT '{}';
DROP TRIGGER uploads_changed ON uploads;
CREATE TRIGGER uploads_changed AFTER UPDATE OF state, reason, checks, expected_digest, progress ON uploads
  FOR EACH ROW WHEN (OLD IS DISTINCT FROM NEW) EXECUTE FUNCTION notify_upload();
