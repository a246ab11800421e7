-- +goose Up
-- Groundwork of journal 2: what a procedure kept until now is kept by the database, whoever writes.

-- Times rise with the sequence within a journal, so that an entry's place says when it was booked.
ALTER TABLE journal_heads
  ADD COLUMN at timestamptz,                      -- of the last entry; null: there is none
  ADD COLUMN unordered bigint NOT NULL DEFAULT 0; -- entries up to this one were booked before their times had to rise
ALTER TABLE journal_heads DISABLE TRIGGER entries_only;
UPDATE journal_heads h SET unordered = h.seq, at = (SELECT max(e.at) FROM ledger_entries e WHERE e.wallet_id = h.wallet_id);
ALTER TABLE journal_heads ENABLE TRIGGER entries_only;

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION continue_journal() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE journal_heads SET seq = NEW.seq, hash = NEW.hash, at = NEW.at
   WHERE wallet_id = NEW.wallet_id AND seq = NEW.seq - 1 AND hash = NEW.previous AND (at IS NULL OR at < NEW.at);
  IF NOT FOUND THEN
    RAISE EXCEPTION 'entry % of % does not continue journal %, whose last entry is of %', NEW.seq, NEW.at, NEW.wallet_id,
      (SELECT at FROM journal_heads WHERE wallet_id = NEW.wallet_id) USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd

-- Lots and holds start at zero: what is in them came by a posting.
-- +goose StatementBegin
CREATE FUNCTION refuse_first_sums() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  RAISE EXCEPTION 'the sums of % start at zero', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
-- +goose StatementEnd
CREATE TRIGGER starts_at_zero BEFORE INSERT ON lots FOR EACH ROW
  WHEN ((NEW.bought, NEW.available, NEW.held, NEW.used, NEW.expired) <> (0, 0, 0, 0, 0)) EXECUTE FUNCTION refuse_first_sums();
CREATE TRIGGER starts_at_zero BEFORE INSERT ON holds FOR EACH ROW
  WHEN ((NEW.set_aside, NEW.used, NEW.released) <> (0, 0, 0) OR NEW.cost IS NOT NULL) EXECUTE FUNCTION refuse_first_sums();

-- Beyond its start a run's end never passes its last proof, and how it was proven stands with it.
ALTER TABLE runs
  ADD COLUMN proofs int CHECK (proofs >= 0), -- rounds that proved it since its gate; null: it began before they were counted
  ADD COLUMN longest_gap interval CHECK (longest_gap >= interval '0'), -- between two of them, the gate being the first
  ADD CONSTRAINT runs_counted CHECK ((proofs IS NULL) = (longest_gap IS NULL)),
  ADD CONSTRAINT runs_end_proven CHECK (ended_at <= greatest(proven_at, started_at));
ALTER TABLE runs ALTER COLUMN proofs SET DEFAULT 0, ALTER COLUMN longest_gap SET DEFAULT interval '0';

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION refuse_run_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.closed_at IS NOT NULL OR NEW.ended_at < OLD.ended_at OR NEW.proven_at < OLD.proven_at
     OR NEW.proofs < OLD.proofs OR NEW.longest_gap < OLD.longest_gap OR (NEW.proofs IS NULL) <> (OLD.proofs IS NULL)
     OR NEW.ended_at > OLD.ended_at AND NEW.proofs = OLD.proofs
     OR (NEW.id, NEW.wallet_id, NEW.cluster_id, NEW.node_id, NEW.start_id, NEW.rate, NEW.started_at)
        IS DISTINCT FROM (OLD.id, OLD.wallet_id, OLD.cluster_id, OLD.node_id, OLD.start_id, OLD.rate, OLD.started_at) THEN
    RAISE EXCEPTION 'run %: only the end of an open run may grow, by a proof', OLD.id USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
-- +goose StatementEnd

-- How far a run is booked begins with the run, and moves with its lines and in no other way. So no second of it is in two
-- lines, and none is left out: a line begins where the ones before it ended.
-- +goose StatementBegin
CREATE FUNCTION begin_booking() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO run_bookings (run_id, wallet_id, booked_until) VALUES (NEW.id, NEW.wallet_id, NEW.started_at);
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER booking_begins AFTER INSERT ON runs FOR EACH ROW EXECUTE FUNCTION begin_booking();

-- +goose StatementBegin
CREATE FUNCTION refuse_booking_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.booked_until < OLD.booked_until OR NEW.booked_until > OLD.booked_until AND pg_trigger_depth() < 2
     OR (NEW.run_id, NEW.wallet_id) <> (OLD.run_id, OLD.wallet_id) OR OLD.done AND NOT NEW.done THEN
    RAISE EXCEPTION 'run %: how far it is booked follows from its lines, and only grows', OLD.run_id USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER only_grows BEFORE UPDATE ON run_bookings FOR EACH ROW EXECUTE FUNCTION refuse_booking_change();
CREATE TRIGGER keep_bookings BEFORE DELETE OR TRUNCATE ON run_bookings EXECUTE FUNCTION refuse_ledger_change();

-- A range that several lots pay has a line of each, in one statement. The last step also refuses whoever waited for another
-- that booked the same seconds: it looks at the row again then.
-- +goose StatementBegin
CREATE FUNCTION continue_runs() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  wrong uuid;
  moved bigint;
BEGIN
  SELECT a.run_id INTO wrong FROM (
    SELECT run_id, from_at, to_at, sum(hours) AS hours, min(rate) AS least, max(rate) AS most,
           lag(to_at) OVER (PARTITION BY run_id ORDER BY from_at, to_at) AS reached
      FROM added GROUP BY run_id, from_at, to_at) a
    JOIN runs r ON r.id = a.run_id
   WHERE a.from_at <> a.reached OR a.to_at > r.ended_at OR a.least <> r.rate OR a.most <> r.rate
      OR a.hours <> extract(epoch FROM a.to_at - a.from_at) * r.rate
   LIMIT 1;
  IF FOUND THEN
    RAISE EXCEPTION 'run %: its lines are not each of its proven seconds once, at its rate', wrong USING ERRCODE = 'restrict_violation';
  END IF;
  UPDATE run_bookings b SET booked_until = a.until
    FROM (SELECT run_id, min(from_at) AS since, max(to_at) AS until FROM added GROUP BY run_id) a
   WHERE b.run_id = a.run_id AND b.booked_until = a.since;
  GET DIAGNOSTICS moved = ROW_COUNT;
  IF moved <> (SELECT count(DISTINCT run_id) FROM added) THEN
    RAISE EXCEPTION 'usage lines do not begin where their runs are booked to' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER runs_follow AFTER INSERT ON usage_lines REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION continue_runs();

-- Serials of a provider's invoices have no gap in a year, and their times rise. A gap that is there already stays, for the
-- proof to name: nobody could fill it.
ALTER TABLE invoices ADD COLUMN previous int GENERATED ALWAYS AS (nullif(serial - 1, 0)) STORED;
ALTER TABLE invoices ADD CONSTRAINT invoices_serials_follow FOREIGN KEY (provider_id, year, previous)
  REFERENCES invoices (provider_id, year, serial) NOT VALID;
-- +goose StatementBegin
DO $$
BEGIN
  ALTER TABLE invoices VALIDATE CONSTRAINT invoices_serials_follow;
EXCEPTION WHEN foreign_key_violation THEN
  RAISE WARNING 'the serials of invoices have a gap; volary ledger verify names it: %', SQLERRM;
END $$;
-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION refuse_early_paper() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM invoices WHERE provider_id = NEW.provider_id AND year = NEW.year AND serial = NEW.serial - 1 AND issued_at >= NEW.issued_at) THEN
    RAISE EXCEPTION 'invoice % is not issued after the one before it', NEW.number USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER times_rise AFTER INSERT ON invoices FOR EACH ROW EXECUTE FUNCTION refuse_early_paper();
