-- +goose Up
-- Months of accounts are rows, closed one after the other and never opened again. What is made of a month when it is closed is kept.
ALTER TABLE providers ADD COLUMN grace_days int NOT NULL DEFAULT 5 CHECK (grace_days BETWEEN 0 AND 60); -- from a month's end until it may be closed

CREATE TABLE periods (
  provider_id uuid NOT NULL REFERENCES providers,
  month date NOT NULL CHECK (extract(day FROM month) = 1), -- the first day, in the provider's accounting zone
  closed_at timestamptz,
  closed_by uuid REFERENCES people,
  PRIMARY KEY (provider_id, month),
  CHECK (closed_by IS NULL OR closed_at IS NOT NULL)
);
INSERT INTO periods (provider_id, month)
SELECT x.provider_id, g::date
  FROM (SELECT w.provider_id, min(e.period) AS first, max(e.period) AS last
          FROM ledger_entries e JOIN wallets w ON w.id = e.wallet_id GROUP BY w.provider_id) x
 CROSS JOIN generate_series(x.first::timestamp, x.last::timestamp, interval '1 month') g;

-- +goose StatementBegin
CREATE FUNCTION keep_periods() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    IF NEW.closed_at IS NULL THEN
      RETURN NEW;
    END IF;
    RAISE EXCEPTION 'period % begins open', NEW.month USING ERRCODE = 'restrict_violation';
  END IF;
  IF TG_OP = 'DELETE' OR OLD.closed_at IS NOT NULL OR (NEW.provider_id, NEW.month) <> (OLD.provider_id, OLD.month) THEN
    RAISE EXCEPTION 'period % stays, and is closed once', OLD.month USING ERRCODE = 'restrict_violation';
  END IF;
  IF EXISTS (SELECT FROM periods WHERE provider_id = NEW.provider_id AND month < NEW.month AND closed_at IS NULL) THEN
    RAISE EXCEPTION 'period % is closed after those before it', NEW.month USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER keep_periods BEFORE INSERT OR UPDATE OR DELETE ON periods FOR EACH ROW EXECUTE FUNCTION keep_periods();

-- In which month an entry is that is dated in the wanted one: in this one while it is open, else in the first open one behind it. The row is
-- locked until the transaction ends, shared by all who book and waited for by who closes it. A provider's months have no gap, so that
-- those before the first open one are closed.
-- +goose StatementBegin
CREATE FUNCTION open_period(provider uuid, wanted date) RETURNS date LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  taken date;
  earliest date;
  latest date;
  closed boolean;
BEGIN
  wanted := date_trunc('month', wanted::timestamp)::date;
  LOOP
    SELECT month INTO taken FROM periods WHERE provider_id = provider AND month >= wanted AND closed_at IS NULL ORDER BY month LIMIT 1 FOR SHARE;
    IF taken = wanted THEN
      RETURN taken;
    END IF;
    SELECT min(month), max(month), coalesce(bool_or(closed_at IS NOT NULL), false) INTO earliest, latest, closed FROM periods WHERE provider_id = provider;
    IF taken IS NOT NULL AND (closed OR wanted >= earliest) THEN
      RETURN taken;
    END IF;
    IF taken IS NOT NULL THEN -- before the first month, which is locked: nobody closes it meanwhile
      INSERT INTO periods (provider_id, month) SELECT provider, g::date
        FROM generate_series(wanted::timestamp, earliest - interval '1 month', interval '1 month') g ON CONFLICT DO NOTHING;
    ELSE
      INSERT INTO periods (provider_id, month) SELECT provider, g::date
        FROM generate_series(coalesce(latest + interval '1 month', wanted::timestamp), greatest(wanted::timestamp, latest + interval '1 month'), interval '1 month') g
      ON CONFLICT DO NOTHING;
    END IF;
  END LOOP;
END $$;

CREATE FUNCTION refuse_closed_period() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF open_period((SELECT provider_id FROM wallets WHERE id = NEW.wallet_id), NEW.period) <> NEW.period THEN
    RAISE EXCEPTION 'entry % of journal % is in the accounts of %, which are closed', NEW.seq, NEW.wallet_id, to_char(NEW.period, 'YYYY-MM')
      USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER open_period BEFORE INSERT ON ledger_entries FOR EACH ROW EXECUTE FUNCTION refuse_closed_period();

-- A month's entries, whatever they are; and those that came after their own month was closed.
DROP INDEX ledger_entries_wallet_id_period_idx;
CREATE INDEX ledger_entries_wallet_id_period_idx ON ledger_entries (wallet_id, period);
CREATE INDEX ledger_entries_late_idx ON ledger_entries (wallet_id, period) WHERE period > accounting_date;

-- What each account of a journal held when a month was closed, deferred lot by lot: the next month goes on from it.
CREATE TABLE period_balances (
  provider_id uuid NOT NULL,
  month date NOT NULL,
  wallet_id uuid NOT NULL REFERENCES wallets,
  account text NOT NULL,
  lot_id uuid REFERENCES lots,
  currency text NOT NULL,
  amount bigint NOT NULL CHECK (amount <> 0),
  UNIQUE NULLS NOT DISTINCT (provider_id, month, wallet_id, account, lot_id, currency),
  FOREIGN KEY (provider_id, month) REFERENCES periods
);
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON period_balances EXECUTE FUNCTION refuse_ledger_change();

-- Files of a closed month, as they were made, in parts of a mebibyte.
CREATE TABLE period_files (
  provider_id uuid NOT NULL,
  month date NOT NULL,
  name text NOT NULL CHECK (name ~ '^[a-z][a-z0-9.-]{0,59}$'),
  media text NOT NULL,
  size bigint NOT NULL CHECK (size >= 0),
  sha256 bytea NOT NULL CHECK (length(sha256) = 32),
  PRIMARY KEY (provider_id, month, name),
  FOREIGN KEY (provider_id, month) REFERENCES periods
);
CREATE TABLE period_file_parts (
  provider_id uuid NOT NULL,
  month date NOT NULL,
  name text NOT NULL,
  number int NOT NULL CHECK (number > 0),
  bytes bytea NOT NULL CHECK (length(bytes) BETWEEN 1 AND 1048576),
  PRIMARY KEY (provider_id, month, name, number),
  FOREIGN KEY (provider_id, month, name) REFERENCES period_files
);
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON period_files EXECUTE FUNCTION refuse_ledger_change();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON period_file_parts EXECUTE FUNCTION refuse_ledger_change();

-- What a journal's month was, for the organization. Hours are milli-compute-seconds, amounts minor units; each of the three sums up.
CREATE TABLE statements (
  id uuid PRIMARY KEY,
  provider_id uuid NOT NULL,
  month date NOT NULL,
  wallet_id uuid NOT NULL REFERENCES wallets,
  organization_id uuid NOT NULL REFERENCES organizations,
  made_at timestamptz NOT NULL,
  seller text NOT NULL,
  tax_id text NOT NULL,
  buyer text NOT NULL,
  zone text NOT NULL,
  seq bigint NOT NULL, -- the journal's head then
  hash bytea NOT NULL CHECK (length(hash) = 32),
  opening bigint NOT NULL,
  bought bigint NOT NULL,
  granted bigint NOT NULL,
  used bigint NOT NULL,
  expired bigint NOT NULL,
  refunded bigint NOT NULL,
  closing bigint NOT NULL,
  currency text NOT NULL,
  prepaid_opening bigint NOT NULL,
  sold bigint NOT NULL,
  earned bigint NOT NULL,
  lapsed bigint NOT NULL,
  credited bigint NOT NULL,
  prepaid_closing bigint NOT NULL,
  owed_opening bigint NOT NULL,
  invoiced bigint NOT NULL,
  paid bigint NOT NULL,
  settled bigint NOT NULL, -- by credit notes, goodwill and debts that are let go
  owed_closing bigint NOT NULL,
  UNIQUE (wallet_id, month),
  FOREIGN KEY (provider_id, month) REFERENCES periods,
  CHECK (closing = opening + bought + granted - used - expired - refunded),
  CHECK (prepaid_closing = prepaid_opening + sold - earned - lapsed - credited),
  CHECK (owed_closing = owed_opening + invoiced - paid - settled)
);
CREATE INDEX ON statements (organization_id, month);
CREATE INDEX ON statements (provider_id, month);
CREATE TABLE statement_uses (
  statement_id uuid NOT NULL REFERENCES statements,
  number int NOT NULL CHECK (number > 0),
  cluster_id uuid REFERENCES clusters, -- null: what corrections took back
  cluster_name text NOT NULL,
  person_id uuid REFERENCES people, -- who launched it
  purchase_order text NOT NULL,
  cost_centre text NOT NULL,
  grant_number text NOT NULL,
  hours bigint NOT NULL,
  cost bigint, -- null: of granted hours alone
  PRIMARY KEY (statement_id, number)
);
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON statements EXECUTE FUNCTION refuse_ledger_change();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON statement_uses EXECUTE FUNCTION refuse_ledger_change();
