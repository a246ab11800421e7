-- +goose Up
-- What is wrong with an image's bytes in the store, as the workers' looks and volary blobs verify find it, and since when.
ALTER TABLE images
  ADD COLUMN lost text NOT NULL DEFAULT '' CHECK (lost IN ('', 'gone', 'size', 'bytes')), -- nothing; no bytes, another number of them, others
  ADD COLUMN lost_at timestamptz,
  ADD CHECK ((lost = '') = (lost_at IS NULL));
CREATE INDEX images_lost_idx ON images (canonical_digest) WHERE lost <> '';

CREATE TRIGGER images_lost AFTER UPDATE OF lost ON images FOR EACH ROW WHEN (OLD.lost IS DISTINCT FROM NEW.lost) EXECUTE FUNCTION notify_change('image');

-- Who brings a base image; null where several do, whose claim nobody ends for the others.
ALTER TABLE base_images ADD COLUMN brought_by uuid;
