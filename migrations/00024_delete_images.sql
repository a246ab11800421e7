-- +goose Up
-- An image that nothing uses can be deleted.

CREATE INDEX ON nodes (image_id); -- which the foreign key asks
CREATE INDEX ON gone_images (gone_at);

-- Open lists are told.
-- +goose StatementBegin
CREATE FUNCTION notify_image_gone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('volary_changes', json_build_object('organization', OLD.organization_id, 'kind', 'image', 'id', OLD.id)::text);
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER images_gone AFTER DELETE ON images FOR EACH ROW EXECUTE FUNCTION notify_image_gone();

-- The job that removes its bytes.
CREATE OR REPLACE VIEW jobs AS
SELECT id, kind, queue, state, attempt::int AS attempt, max_attempts::int AS max_attempts,
       created_at, scheduled_at, attempted_at, finalized_at,
       coalesce(errors[array_upper(errors, 1)] ->> 'error', '') AS last_error,
       CASE kind WHEN 'verify_image' THEN args ->> 'image_id' WHEN 'delete_image' THEN args ->> 'image_id' WHEN 'run_acceptance' THEN args ->> 'test_id'
                 WHEN 'check_host' THEN args ->> 'host_id' WHEN 'send_mail' THEN args ->> 'mail_id' END::uuid AS subject_id
  FROM river_job;
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION enqueue(wanted text, arguments jsonb, lane text, rank int, attempts int, due timestamptz)
  RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  subject text := CASE wanted WHEN 'verify_image' THEN 'image_id' WHEN 'delete_image' THEN 'image_id' WHEN 'run_acceptance' THEN 'test_id'
                              WHEN 'check_host' THEN 'host_id' WHEN 'send_mail' THEN 'mail_id' END;
  about uuid := (arguments ->> subject)::uuid;
BEGIN
  IF about IS NULL THEN
    RAISE EXCEPTION 'there is no job %, or it is not said for what', wanted USING ERRCODE = 'invalid_parameter_value';
  END IF;
  INSERT INTO river_job (kind, args, queue, priority, max_attempts, state, scheduled_at, unique_key, unique_states)
  VALUES (wanted, arguments, lane, rank, attempts,
          CASE WHEN due > now() THEN 'scheduled' ELSE 'available' END::river_job_state, coalesce(due, now()),
          sha256(convert_to(format('&kind=%s&args={"%s":"%s"}', wanted, subject, about), 'UTF8')),
          B'11110001') -- available, pending, retryable, running, scheduled
  ON CONFLICT (unique_key) WHERE unique_key IS NOT NULL AND unique_states IS NOT NULL AND river_job_state_in_bitmask(unique_states, state)
  DO NOTHING;
  IF FOUND THEN
    PERFORM pg_notify('public.river_insert', json_build_object('queue', lane)::text);
  END IF;
END $$;
-- +goose StatementEnd
