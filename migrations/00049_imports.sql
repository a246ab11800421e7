-- +goose Up
-- An upload is an import: bytes on their way in, with a state and a verdict of its own, and none, one or several images that its
-- verification makes. An image is a disk that may be used, and has no other state.

-- Whatever was checked and is no image, or was found out about an image, is an upload's: one that has no row any more gets one.
INSERT INTO uploads (id, organization_id, person_id, filename, size, created_at, finished_at)
SELECT replace(id::text, '-', ''), organization_id, person_id, name, greatest(size, 1), created_at, created_at
  FROM images WHERE upload_id IS NULL AND (state <> 'ready' OR checks <> '[]');
UPDATE images SET upload_id = replace(id::text, '-', '') WHERE upload_id IS NULL AND (state <> 'ready' OR checks <> '[]');

ALTER TABLE uploads
  ADD COLUMN name text NOT NULL DEFAULT '' CHECK (length(name) <= 255), -- what who sends it calls it, which its images are named after; empty: the file's
  -- Without one a new upload arrives. checking: its bytes are here and its verification waits or runs; unverified: nobody could look, tried again.
  ADD COLUMN state text NOT NULL DEFAULT 'arriving' CHECK (state IN ('arriving', 'checking', 'done', 'refused', 'unverified')),
  ADD COLUMN reason text NOT NULL DEFAULT '',
  ADD COLUMN checks jsonb NOT NULL DEFAULT '[]', -- [{name, passed, warned, detail, repair}]
  ADD COLUMN format text NOT NULL DEFAULT '',
  ADD COLUMN digest text NOT NULL DEFAULT '' CHECK (digest = '' OR digest ~ '^[0-9a-f]{64}$'),                   -- SHA-256 of the bytes as they came; empty until known
  ADD COLUMN expected_digest text NOT NULL DEFAULT '' CHECK (expected_digest = '' OR expected_digest ~ '^[0-9a-f]{64}$'), -- as who sends it said; empty: nobody did
  ADD COLUMN finished_by uuid REFERENCES people, -- who sent the last byte, and whose its images are
  ADD COLUMN verified_at timestamptz;            -- when the verdict was final

UPDATE uploads u SET
    name = i.name, state = CASE i.state WHEN 'ready' THEN 'done' ELSE i.state END, reason = i.reason, checks = i.checks, format = i.format,
    digest = i.uploaded_digest, finished_by = i.person_id, finished_at = coalesce(u.finished_at, i.created_at),
    verified_at = CASE WHEN i.state IN ('ready', 'refused') THEN coalesce(i.verified_at, i.created_at) END
  FROM images i WHERE i.upload_id = u.id;
-- One whose image is gone is nothing that anybody could go on with.
DELETE FROM uploads u WHERE finished_at IS NOT NULL AND NOT EXISTS (SELECT FROM images i WHERE i.upload_id = u.id);

-- Verifications that wait, run or can be asked for again are of uploads. Those of images that are gone have nothing to do.
-- +goose StatementBegin
DO $$ BEGIN
  IF to_regclass('river_job') IS NOT NULL THEN
    DELETE FROM river_job j WHERE kind = 'verify_image' AND NOT EXISTS (SELECT FROM images i WHERE i.id = (j.args ->> 'image_id')::uuid AND i.upload_id IS NOT NULL);
    UPDATE river_job j SET kind = 'verify_upload', args = jsonb_build_object('upload_id', i.upload_id::uuid),
        unique_key = CASE WHEN j.unique_key IS NOT NULL THEN
          sha256(convert_to(format('&kind=verify_upload&args={"upload_id":"%s"}', i.upload_id::uuid), 'UTF8')) END
      FROM images i WHERE j.kind = 'verify_image' AND i.id = (j.args ->> 'image_id')::uuid;
  END IF;
END $$;
-- +goose StatementEnd

DROP TRIGGER images_changed ON images;
-- A draft may name one by its id; it needs another one then.
DELETE FROM version_roles r USING images i WHERE i.id = r.image_id AND i.state <> 'ready';
DELETE FROM images WHERE state <> 'ready';
ALTER TABLE images
  DROP COLUMN state, DROP COLUMN reason, DROP COLUMN checks, DROP COLUMN format, DROP COLUMN size, DROP COLUMN uploaded_digest, DROP COLUMN verified_at,
  ADD COLUMN member text NOT NULL DEFAULT '' CHECK (length(member) <= 255), -- which of the upload's disks it is, by name or number; empty: the upload is the disk
  ADD CHECK (canonical_digest ~ '^[0-9a-f]{64}$'),
  ALTER COLUMN virtual_size DROP DEFAULT, ALTER COLUMN canonical_size DROP DEFAULT, ALTER COLUMN canonical_digest DROP DEFAULT, ALTER COLUMN content_digest DROP DEFAULT,
  DROP CONSTRAINT images_upload_id_key,
  ADD UNIQUE (upload_id, member);
DROP INDEX images_canonical_digest_idx;
CREATE INDEX ON images (canonical_digest);

ALTER TABLE uploads
  ADD CHECK ((state = 'arriving') = (finished_at IS NULL)),
  ADD CHECK ((finished_by IS NULL) = (finished_at IS NULL)),
  ADD CHECK ((state IN ('done', 'refused')) = (verified_at IS NOT NULL));
DROP INDEX uploads_organization_id_idx;
CREATE INDEX ON uploads (organization_id, created_at);
CREATE INDEX ON uploads (state, created_at) WHERE state <> 'done'; -- what is under way, and what the sweeps look for

-- Open pages are told. An upload's id is shown as every other is: as a UUID.
-- +goose StatementBegin
CREATE FUNCTION notify_upload() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  changed uploads := CASE TG_OP WHEN 'DELETE' THEN OLD ELSE NEW END;
BEGIN
  PERFORM pg_notify('volary_changes', json_build_object('organization', changed.organization_id, 'kind', 'upload', 'id', changed.id::uuid)::text);
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER uploads_made AFTER INSERT ON uploads FOR EACH ROW EXECUTE FUNCTION notify_upload();
CREATE TRIGGER uploads_gone AFTER DELETE ON uploads FOR EACH ROW EXECUTE FUNCTION notify_upload();
CREATE TRIGGER uploads_changed AFTER UPDATE OF state, reason, checks, expected_digest ON uploads
  FOR EACH ROW WHEN (OLD IS DISTINCT FROM NEW) EXECUTE FUNCTION notify_upload();
CREATE TRIGGER images_made AFTER INSERT ON images FOR EACH ROW EXECUTE FUNCTION notify_change('image');

CREATE OR REPLACE VIEW jobs AS
SELECT id, kind, queue, state, attempt::int AS attempt, max_attempts::int AS max_attempts,
       created_at, scheduled_at, attempted_at, finalized_at,
       coalesce(errors[array_upper(errors, 1)] ->> 'error', '') AS last_error,
       CASE kind WHEN 'verify_upload' THEN args ->> 'upload_id' WHEN 'discard_upload' THEN args ->> 'upload_id' WHEN 'delete_image' THEN args ->> 'image_id'
                 WHEN 'run_acceptance' THEN args ->> 'test_id' WHEN 'check_host' THEN args ->> 'host_id' WHEN 'send_mail' THEN args ->> 'mail_id' END::uuid AS subject_id
  FROM river_job;

-- As before, with the jobs of uploads.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION enqueue(wanted text, arguments jsonb, lane text, rank int, attempts int, due timestamptz)
  RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  subject text;
  own_lane text;
  most int;
  about uuid;
BEGIN
  SELECT k.subject, k.lane, k.most INTO subject, own_lane, most FROM (VALUES
    ('verify_upload', 'upload_id', 'verify', 3), ('discard_upload', 'upload_id', 'hosts', 12), ('delete_image', 'image_id', 'hosts', 12),
    ('run_acceptance', 'test_id', 'acceptance', 3), ('check_host', 'host_id', 'hosts', 3), ('send_mail', 'mail_id', 'mail', 12)) AS k (kind, subject, lane, most) WHERE kind = wanted;
  about := (arguments ->> subject)::uuid;
  IF about IS NULL THEN
    RAISE EXCEPTION 'there is no job %, or it is not said for what', wanted USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF lane IS DISTINCT FROM own_lane OR attempts IS NULL OR attempts NOT BETWEEN 1 AND most OR rank IS DISTINCT FROM 1 THEN
    RAISE EXCEPTION 'job % waits in the queue %, not %, with priority 1, and is tried at most % times', wanted, own_lane, lane, most
      USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF octet_length(arguments::text) > 2000 OR due > now() + interval '1 day' THEN
    RAISE EXCEPTION 'job % has arguments of at most 2000 bytes and begins within a day', wanted USING ERRCODE = 'invalid_parameter_value';
  END IF;
  INSERT INTO river_job (kind, args, queue, priority, max_attempts, state, scheduled_at, unique_key, unique_states)
  VALUES (wanted, arguments, own_lane, 1, attempts,
          CASE WHEN due > now() THEN 'scheduled' ELSE 'available' END::river_job_state, coalesce(due, now()),
          sha256(convert_to(format('&kind=%s&args={"%s":"%s"}', wanted, subject, about), 'UTF8')),
          B'11110001') -- available, pending, retryable, running, scheduled
  ON CONFLICT (unique_key) WHERE unique_key IS NOT NULL AND unique_states IS NOT NULL AND river_job_state_in_bitmask(unique_states, state)
  DO NOTHING;
  IF FOUND THEN
    PERFORM pg_notify('public.river_insert', json_build_object('queue', own_lane)::text);
  END IF;
END $$;
-- +goose StatementEnd
