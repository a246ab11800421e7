-- +goose Up
-- What billing/doc.go describes: one journal per provider and organization, insert-only, a hash chain each.

-- The row that holds and settles of one journal queue at; locked before lots, lots before the chain's head.
CREATE TABLE wallets (
  id uuid PRIMARY KEY,
  provider_id uuid NOT NULL REFERENCES providers,
  organization_id uuid NOT NULL REFERENCES organizations,
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (provider_id, organization_id)
);
CREATE INDEX ON wallets (organization_id);

CREATE TABLE journal_heads (
  wallet_id uuid PRIMARY KEY REFERENCES wallets,
  seq bigint NOT NULL DEFAULT 0,
  hash bytea NOT NULL DEFAULT decode(repeat('00', 32), 'hex') CHECK (length(hash) = 32)
);

-- Amounts are milli-compute-seconds. The five sums are those of the lot's postings; a trigger on the postings keeps
-- them and nothing else may.
CREATE TABLE lots (
  id uuid PRIMARY KEY,
  wallet_id uuid NOT NULL REFERENCES wallets,
  expires_at timestamptz, -- null: never
  note text NOT NULL DEFAULT '' CHECK (length(note) <= 500),
  created_by uuid REFERENCES people, -- null: the operator's command
  created_at timestamptz NOT NULL,
  bought bigint NOT NULL DEFAULT 0 CHECK (bought >= 0),
  available bigint NOT NULL DEFAULT 0 CHECK (available >= 0),
  held bigint NOT NULL DEFAULT 0 CHECK (held >= 0),
  used bigint NOT NULL DEFAULT 0 CHECK (used >= 0),
  expired bigint NOT NULL DEFAULT 0 CHECK (expired >= 0),
  UNIQUE (id, wallet_id),
  CHECK (available = bought - used - held - expired)
);
CREATE INDEX ON lots (wallet_id);
CREATE INDEX ON lots (expires_at) WHERE available > 0;

-- What each lot set aside for each cluster, over all its starts; kept by the same trigger.
CREATE TABLE holds (
  cluster_id uuid NOT NULL REFERENCES clusters,
  lot_id uuid NOT NULL REFERENCES lots,
  set_aside bigint NOT NULL DEFAULT 0 CHECK (set_aside >= 0),
  used bigint NOT NULL DEFAULT 0 CHECK (used >= 0),
  released bigint NOT NULL DEFAULT 0 CHECK (released >= 0),
  held bigint NOT NULL GENERATED ALWAYS AS (set_aside - used - released) STORED CHECK (held >= 0),
  PRIMARY KEY (cluster_id, lot_id)
);
CREATE INDEX ON holds (lot_id) WHERE held > 0;

CREATE TABLE ledger_entries (
  wallet_id uuid NOT NULL REFERENCES wallets,
  seq bigint NOT NULL CHECK (seq > 0),
  kind text NOT NULL CHECK (kind IN ('grant', 'hold', 'use', 'release', 'expire')),
  at timestamptz NOT NULL,
  key text NOT NULL UNIQUE CHECK (key ~ '^[a-z0-9:._-]{1,200}$'), -- idempotency
  person_id uuid REFERENCES people,
  expires_at timestamptz,  -- of a granted lot
  period_from timestamptz, -- of the lines of a use
  period_to timestamptz,
  lines int NOT NULL DEFAULT 0 CHECK (lines >= 0),
  lines_digest bytea CHECK (length(lines_digest) = 32),
  previous bytea NOT NULL CHECK (length(previous) = 32),
  hash bytea NOT NULL UNIQUE CHECK (length(hash) = 32),
  booked_in xid8 NOT NULL DEFAULT pg_current_xact_id(), -- postings and lines join in this transaction or never
  PRIMARY KEY (wallet_id, seq),
  CHECK ((kind = 'use') = (lines > 0) AND (kind = 'use') = (lines_digest IS NOT NULL)),
  CHECK ((kind = 'use') = (period_from IS NOT NULL) AND (period_from IS NULL) = (period_to IS NULL)),
  CHECK (period_from < period_to)
);
CREATE INDEX ON ledger_entries (wallet_id, period_from) WHERE kind = 'use';

CREATE TABLE ledger_postings (
  wallet_id uuid NOT NULL,
  seq bigint NOT NULL,
  number int NOT NULL CHECK (number > 0),
  lot_id uuid NOT NULL,
  account text NOT NULL CHECK (account IN ('bought', 'available', 'held', 'used', 'expired')),
  cluster_id uuid REFERENCES clusters,
  hours bigint NOT NULL CHECK (hours <> 0),
  PRIMARY KEY (wallet_id, seq, number),
  FOREIGN KEY (wallet_id, seq) REFERENCES ledger_entries,
  FOREIGN KEY (lot_id, wallet_id) REFERENCES lots (id, wallet_id), -- a lot never leaves its journal
  CHECK ((account = 'held') = (cluster_id IS NOT NULL))
);
CREATE INDEX ON ledger_postings (lot_id);
CREATE INDEX ON ledger_postings (cluster_id) WHERE cluster_id IS NOT NULL;

-- One node from its gate to its last proof of life. Only ended_at and proven_at change while it is open; no index
-- has them, so that a proof of life is a heap-only update. span is set when the run is closed: until then the
-- partial unique index keeps a second open run away, and the exclusion is checked once.
CREATE TABLE runs (
  id uuid PRIMARY KEY,
  wallet_id uuid NOT NULL REFERENCES wallets,
  cluster_id uuid NOT NULL REFERENCES clusters,
  node_id uuid NOT NULL REFERENCES nodes,
  start_id text NOT NULL,           -- start identity that every proof has to repeat
  rate bigint NOT NULL CHECK (rate > 0),
  started_at timestamptz NOT NULL CHECK (mod(extract(epoch FROM started_at), 1) = 0),
  ended_at timestamptz NOT NULL CHECK (mod(extract(epoch FROM ended_at), 1) = 0), -- whole second of the last proof
  ends_by timestamptz NOT NULL CHECK (mod(extract(epoch FROM ends_by), 1) = 0),   -- the lease's end
  proven_at timestamptz NOT NULL,   -- start of the last round that proved it
  closed_at timestamptz,
  close_reason text NOT NULL DEFAULT '',
  span tstzrange,
  CHECK (started_at <= ended_at AND ended_at <= ends_by),
  CHECK ((closed_at IS NULL) = (span IS NULL) AND (closed_at IS NULL) = (close_reason = '')),
  EXCLUDE USING gist (node_id WITH =, span WITH &&)
) WITH (fillfactor = 70);
CREATE UNIQUE INDEX runs_open ON runs (node_id) WHERE closed_at IS NULL;
CREATE INDEX ON runs (node_id, started_at DESC);
CREATE INDEX ON runs (cluster_id);

-- How far each run is booked. Apart from runs, so that booking never waits for a proof of life, nor a proof for it.
CREATE TABLE run_bookings (
  run_id uuid PRIMARY KEY REFERENCES runs,
  wallet_id uuid NOT NULL REFERENCES wallets,
  booked_until timestamptz NOT NULL,
  done boolean NOT NULL DEFAULT false,     -- closed and booked to its end
  aside_reason text NOT NULL DEFAULT ''    -- why its seconds could not be booked the last time it was tried
);
CREATE INDEX ON run_bookings (wallet_id) WHERE NOT done;

-- The lines of use entries: what one lot paid of one range of one run.
CREATE TABLE usage_lines (
  run_id uuid NOT NULL REFERENCES runs,
  from_at timestamptz NOT NULL,
  lot_id uuid NOT NULL REFERENCES lots,
  to_at timestamptz NOT NULL,
  wallet_id uuid NOT NULL,
  seq bigint NOT NULL,
  cluster_id uuid NOT NULL REFERENCES clusters,
  node_id uuid NOT NULL REFERENCES nodes,
  rate bigint NOT NULL CHECK (rate > 0),
  hours bigint NOT NULL CHECK (hours > 0),
  PRIMARY KEY (run_id, from_at, lot_id),
  FOREIGN KEY (wallet_id, seq) REFERENCES ledger_entries,
  CHECK (from_at < to_at)
);
CREATE INDEX ON usage_lines (wallet_id, seq);
CREATE INDEX ON usage_lines (wallet_id, from_at);

-- +goose StatementBegin
CREATE FUNCTION refuse_ledger_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is insert-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END $$;
-- +goose StatementEnd
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_entries EXECUTE FUNCTION refuse_ledger_change();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_postings EXECUTE FUNCTION refuse_ledger_change();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON usage_lines EXECUTE FUNCTION refuse_ledger_change();
CREATE TRIGGER keep_runs BEFORE DELETE OR TRUNCATE ON runs EXECUTE FUNCTION refuse_ledger_change();
CREATE TRIGGER keep_lots BEFORE DELETE OR TRUNCATE ON lots EXECUTE FUNCTION refuse_ledger_change();

-- Sums of postings are written by the trigger on postings alone: a direct update is one trigger deep, that one two.
-- +goose StatementBegin
CREATE FUNCTION refuse_direct_sums() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF pg_trigger_depth() < 2 THEN
    RAISE EXCEPTION 'the sums of % follow from ledger_postings', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER sums_only BEFORE UPDATE ON lots FOR EACH ROW EXECUTE FUNCTION refuse_direct_sums();
CREATE TRIGGER sums_only BEFORE INSERT OR UPDATE OR DELETE ON holds FOR EACH ROW EXECUTE FUNCTION refuse_direct_sums();

-- A lot and hold's sums move in the statement that inserts the postings, so that they cannot differ from them.
-- +goose StatementBegin
CREATE FUNCTION apply_postings() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE lots l
     SET bought = l.bought + d.bought, available = l.available + d.available, held = l.held + d.held,
         used = l.used + d.used, expired = l.expired + d.expired
    FROM (SELECT lot_id,
                 coalesce(-sum(hours) FILTER (WHERE account = 'bought'), 0) AS bought,
                 coalesce(sum(hours) FILTER (WHERE account = 'available'), 0) AS available,
                 coalesce(sum(hours) FILTER (WHERE account = 'held'), 0) AS held,
                 coalesce(sum(hours) FILTER (WHERE account = 'used'), 0) AS used,
                 coalesce(sum(hours) FILTER (WHERE account = 'expired'), 0) AS expired
            FROM added GROUP BY lot_id) d
   WHERE l.id = d.lot_id;
  -- Zero rows first: an upsert checks its proposed row, which a use or release alone would not pass.
  INSERT INTO holds (cluster_id, lot_id)
  SELECT DISTINCT cluster_id, lot_id FROM added WHERE account = 'held'
  ON CONFLICT DO NOTHING;
  UPDATE holds h
     SET set_aside = h.set_aside + d.set_aside, used = h.used + d.used, released = h.released + d.released
    FROM (SELECT a.cluster_id, a.lot_id,
                 coalesce(sum(a.hours) FILTER (WHERE e.kind = 'hold'), 0) AS set_aside,
                 coalesce(-sum(a.hours) FILTER (WHERE e.kind = 'use'), 0) AS used,
                 coalesce(-sum(a.hours) FILTER (WHERE e.kind = 'release'), 0) AS released
            FROM added a JOIN ledger_entries e USING (wallet_id, seq)
           WHERE a.account = 'held' GROUP BY a.cluster_id, a.lot_id) d
   WHERE h.cluster_id = d.cluster_id AND h.lot_id = d.lot_id;
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER sums AFTER INSERT ON ledger_postings REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION apply_postings();

-- billing makes balanced entries; this refuses any other at commit, whoever wrote it.
-- +goose StatementBegin
CREATE FUNCTION refuse_unbalanced() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  found_postings bigint;
  unbalanced uuid;
  moved numeric;
  found_lines bigint;
  metered numeric;
BEGIN
  SELECT count(*), coalesce(sum(hours) FILTER (WHERE account = 'used'), 0) INTO found_postings, moved
    FROM ledger_postings WHERE wallet_id = NEW.wallet_id AND seq = NEW.seq;
  SELECT lot_id INTO unbalanced FROM ledger_postings WHERE wallet_id = NEW.wallet_id AND seq = NEW.seq
   GROUP BY lot_id HAVING sum(hours) <> 0 LIMIT 1;
  SELECT count(*), coalesce(sum(hours), 0) INTO found_lines, metered
    FROM usage_lines WHERE wallet_id = NEW.wallet_id AND seq = NEW.seq;
  IF found_postings < 2 OR unbalanced IS NOT NULL THEN
    RAISE EXCEPTION 'entry % of journal % does not balance', NEW.seq, NEW.wallet_id USING ERRCODE = 'check_violation';
  END IF;
  IF moved <> metered OR found_lines <> (SELECT lines FROM ledger_entries e WHERE e.wallet_id = NEW.wallet_id AND e.seq = NEW.seq) THEN
    RAISE EXCEPTION 'entry % of journal % differs from its usage lines', NEW.seq, NEW.wallet_id USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE CONSTRAINT TRIGGER balanced AFTER INSERT ON ledger_entries DEFERRABLE INITIALLY DEFERRED
  FOR EACH ROW EXECUTE FUNCTION refuse_unbalanced();
-- Postings and lines may only join an entry of their own transaction.
-- +goose StatementBegin
CREATE FUNCTION refuse_late_addition() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF EXISTS (SELECT FROM (SELECT DISTINCT wallet_id, seq FROM added) a JOIN ledger_entries e USING (wallet_id, seq)
              WHERE e.booked_in <> pg_current_xact_id()) THEN
    RAISE EXCEPTION '%: an entry that is booked takes nothing more', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER no_late_addition AFTER INSERT ON ledger_postings REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_late_addition();
CREATE TRIGGER no_late_addition AFTER INSERT ON usage_lines REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_late_addition();

-- A run's end only grows, and a closed run is history.
-- +goose StatementBegin
CREATE FUNCTION refuse_run_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF OLD.closed_at IS NOT NULL OR NEW.ended_at < OLD.ended_at
     OR (NEW.id, NEW.wallet_id, NEW.cluster_id, NEW.node_id, NEW.start_id, NEW.rate, NEW.started_at)
        IS DISTINCT FROM (OLD.id, OLD.wallet_id, OLD.cluster_id, OLD.node_id, OLD.start_id, OLD.rate, OLD.started_at) THEN
    RAISE EXCEPTION 'run %: only the end of an open run may grow', OLD.id USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER end_only_grows BEFORE UPDATE ON runs FOR EACH ROW EXECUTE FUNCTION refuse_run_change();
