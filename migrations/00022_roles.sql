-- +goose Up
-- What the two servers' roles (grants.sql) rest on: they own nothing, and what only the database may write is written by
-- functions that run as the owner.
--
-- Such a function names its search_path, with pg_temp at its end: unnamed it would come first, and whoever calls could
-- put a temporary table in the place of ours. For the same reason every trigger that looks at a table names one: a
-- refusal must look at the real rows.

ALTER FUNCTION apply_postings() SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION refuse_unbalanced() SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION refuse_late_addition() SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION refuse_published_change() SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION refuse_currency_change() SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp;
ALTER FUNCTION notify_job() SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp;

-- A journal's head moves with an entry that continues it, and in no other way.
-- +goose StatementBegin
CREATE FUNCTION continue_journal() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE journal_heads SET seq = NEW.seq, hash = NEW.hash
   WHERE wallet_id = NEW.wallet_id AND seq = NEW.seq - 1 AND hash = NEW.previous;
  IF NOT FOUND THEN
    RAISE EXCEPTION 'entry % does not continue journal %', NEW.seq, NEW.wallet_id USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER continues AFTER INSERT ON ledger_entries FOR EACH ROW EXECUTE FUNCTION continue_journal();
-- +goose StatementBegin
CREATE FUNCTION refuse_direct_head() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF pg_trigger_depth() < 2 THEN
    RAISE EXCEPTION 'the head of journal % follows from its entries', OLD.wallet_id USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER entries_only BEFORE UPDATE OR DELETE ON journal_heads FOR EACH ROW EXECUTE FUNCTION refuse_direct_head();

-- The log is insert-only, as the ledger is, and says from where a thing was done.
ALTER TABLE audit
  ADD COLUMN session_id uuid, -- of sessions, whose rows go; null: no one was signed in, or it was a program
  ADD COLUMN address inet;    -- of the browser; null: a program
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit EXECUTE FUNCTION refuse_ledger_change();

-- Background jobs as pages list them: without their arguments, of which only the subject's id is shown.
CREATE VIEW jobs AS
SELECT id, kind, queue, state, attempt::int AS attempt, max_attempts::int AS max_attempts,
       created_at, scheduled_at, attempted_at, finalized_at,
       coalesce(errors[array_upper(errors, 1)] ->> 'error', '') AS last_error,
       CASE kind WHEN 'verify_image' THEN args ->> 'image_id' WHEN 'run_acceptance' THEN args ->> 'test_id'
                 WHEN 'check_host' THEN args ->> 'host_id' WHEN 'send_mail' THEN args ->> 'mail_id' END::uuid AS subject_id
  FROM river_job;

-- The queue's tables are River's and the worker's. Whoever wants a job asks for one of these kinds; a second one for the
-- same subject is dropped while the first waits or runs. Key and states are those that River itself would write, and
-- its workers hear of the job at once.
-- +goose StatementBegin
CREATE FUNCTION enqueue(wanted text, arguments jsonb, lane text, rank int, attempts int, due timestamptz)
  RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  subject text := CASE wanted WHEN 'verify_image' THEN 'image_id' WHEN 'run_acceptance' THEN 'test_id'
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

-- retry_job makes a job available again that failed, waits for another try, or was cancelled; cancel_job ends one that
-- has not ended, where it runs by telling its worker. Both return the state that they found; null: there is no such job.
-- +goose StatementBegin
CREATE FUNCTION retry_job(job bigint) RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  was text;
BEGIN
  SELECT state::text INTO was FROM river_job WHERE id = job FOR UPDATE;
  IF was IN ('retryable', 'discarded', 'cancelled', 'scheduled') THEN
    UPDATE river_job SET state = 'available', scheduled_at = now(), finalized_at = NULL,
           max_attempts = greatest(max_attempts, attempt + 1), metadata = metadata - 'cancel_attempted_at'
     WHERE id = job;
    PERFORM pg_notify('public.river_insert', json_build_object('queue', queue)::text) FROM river_job WHERE id = job;
  END IF;
  RETURN was;
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION cancel_job(job bigint) RETURNS text LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  was text;
  lane text;
BEGIN
  SELECT state::text, queue INTO was, lane FROM river_job WHERE id = job FOR UPDATE;
  IF was IN ('available', 'pending', 'retryable', 'running', 'scheduled') THEN
    UPDATE river_job SET metadata = jsonb_set(metadata, '{cancel_attempted_at}', to_jsonb(now())),
           state = CASE was WHEN 'running' THEN 'running' ELSE 'cancelled' END::river_job_state,
           finalized_at = CASE was WHEN 'running' THEN NULL ELSE now() END
     WHERE id = job;
    PERFORM pg_notify('public.river_control', json_build_object('action', 'cancel', 'job_id', job, 'queue', lane)::text);
  END IF;
  RETURN was;
END $$;
-- +goose StatementEnd

-- Open pages are told of jobs.
DROP TRIGGER IF EXISTS jobs_changed ON river_job;
CREATE TRIGGER jobs_changed AFTER INSERT OR UPDATE OF state ON river_job FOR EACH ROW EXECUTE FUNCTION notify_job();
