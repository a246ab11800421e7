-- +goose Up
-- A job waits in the queue of its kind and is tried as often as its kind is (store/queue says both, and a test that this
-- table says the same): whoever asks for one as web could fill the queue of another kind, or have a job tried for ever.

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
    ('verify_image', 'image_id', 'verify', 3), ('delete_image', 'image_id', 'hosts', 12), ('run_acceptance', 'test_id', 'acceptance', 3),
    ('check_host', 'host_id', 'hosts', 3), ('send_mail', 'mail_id', 'mail', 12)) AS k (kind, subject, lane, most) WHERE kind = wanted;
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
