-- +goose Up
-- An upload may come from an address, which the worker fetches. How large it is may be known later than that it is wanted.
ALTER TABLE uploads
  DROP CONSTRAINT uploads_size_check,
  ADD CHECK (size > 0 OR size = 0 AND state IN ('arriving', 'refused'));

CREATE TABLE upload_sources (
  upload_id    text PRIMARY KEY REFERENCES uploads ON DELETE CASCADE,
  address      text NOT NULL CHECK (address LIKE 'https://%' AND octet_length(address) <= 4000), -- as pages show it: without its query
  asked_by     uuid NOT NULL REFERENCES people,      -- who gave the address, or had it tried again last; what comes of it is of that person
  sealed       bytea,                                -- the whole of it, for the worker alone; gone once nothing is fetched any more
  state        text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'fetching', 'failed', 'ended')),
  advice       text NOT NULL DEFAULT '',             -- of a failure: what to do; why it failed is the upload's reason
  leads        text NOT NULL DEFAULT '',             -- where the server says that the file is, without its query; empty: nowhere
  leads_sealed bytea,                                -- the whole of that
  follow       boolean NOT NULL DEFAULT false,       -- somebody said to go on from there
  mark         text NOT NULL DEFAULT '' CHECK (length(mark) <= 300), -- of the file that the first bytes came of; empty: it cannot be gone on with
  length       bigint NOT NULL DEFAULT 0 CHECK (length >= 0),        -- bytes of the whole file as its server says; 0: it does not
  received     bigint NOT NULL DEFAULT 0,            -- bytes, as open pages show them
  rate         bigint NOT NULL DEFAULT 0,            -- bytes per second, lately
  cuts         int NOT NULL DEFAULT 0,               -- since something came
  begun        int NOT NULL DEFAULT 0,               -- how often it began at its first byte
  started_at   timestamptz,                          -- since when it is fetched, or was tried again
  job_id       bigint NOT NULL DEFAULT 0             -- that has its organization's turn, while it runs
);

-- Open pages are told of what comes, as often as the worker writes it.
-- +goose StatementBegin
CREATE FUNCTION notify_upload_source() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('volary_changes', json_build_object('organization', u.organization_id, 'kind', 'upload', 'id', u.id::uuid)::text)
    FROM uploads u WHERE u.id = NEW.upload_id;
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER upload_sources_changed AFTER UPDATE OF state, address, received ON upload_sources
  FOR EACH ROW WHEN (OLD IS DISTINCT FROM NEW) EXECUTE FUNCTION notify_upload_source();

CREATE OR REPLACE VIEW jobs AS
SELECT id, kind, queue, state, attempt::int AS attempt, max_attempts::int AS max_attempts,
       created_at, scheduled_at, attempted_at, finalized_at,
       coalesce(errors[array_upper(errors, 1)] ->> 'error', '') AS last_error,
       CASE kind WHEN 'verify_upload' THEN args ->> 'upload_id' WHEN 'discard_upload' THEN args ->> 'upload_id' WHEN 'fetch_upload' THEN args ->> 'upload_id' WHEN 'delete_image' THEN args ->> 'image_id'
                 WHEN 'run_acceptance' THEN args ->> 'test_id' WHEN 'check_host' THEN args ->> 'host_id' WHEN 'send_mail' THEN args ->> 'mail_id' END::uuid AS subject_id
  FROM river_job;

-- As before, with the fetching of uploads.
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
    ('verify_upload', 'upload_id', 'verify', 3), ('discard_upload', 'upload_id', 'hosts', 12), ('fetch_upload', 'upload_id', 'fetch', 12),
    ('delete_image', 'image_id', 'hosts', 12),
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
