-- +goose Up
-- Who is named on papers, what an invoice was printed with, and what came in for it.

-- What an organization is called by who invoices it. All may be empty: then papers have its name alone.
ALTER TABLE organizations
  ADD COLUMN legal_name text NOT NULL DEFAULT '' CHECK (length(legal_name) <= 120),
  ADD COLUMN paper_name text NOT NULL DEFAULT '' CHECK (length(paper_name) <= 120), -- in letters that papers have; empty: legal_name
  ADD COLUMN address text NOT NULL DEFAULT '' CHECK (length(address) <= 400),
  ADD COLUMN country text NOT NULL DEFAULT '' CHECK (country ~ '^([A-Z]{2})?$'),     -- ISO 3166
  ADD COLUMN vat_id text NOT NULL DEFAULT '' CHECK (vat_id ~ '^[A-Z0-9+*]{0,20}$'),
  ADD COLUMN contact text NOT NULL DEFAULT '' CHECK (length(contact) <= 200);

ALTER TABLE providers
  ADD COLUMN address text NOT NULL DEFAULT '' CHECK (length(address) <= 400),
  ADD COLUMN country text NOT NULL DEFAULT '' CHECK (country ~ '^([A-Z]{2})?$'),
  ADD COLUMN vat_id text NOT NULL DEFAULT '' CHECK (vat_id ~ '^[A-Z0-9+*]{0,20}$'),
  ADD COLUMN bank_name text NOT NULL DEFAULT '' CHECK (length(bank_name) <= 120),
  ADD COLUMN iban text NOT NULL DEFAULT '' CHECK (iban ~ '^([A-Z]{2}[0-9]{2}[A-Z0-9]{8,30})?$'),
  ADD COLUMN bic text NOT NULL DEFAULT '' CHECK (bic ~ '^([A-Z0-9]{8}([A-Z0-9]{3})?)?$'),
  ADD COLUMN payment_days int NOT NULL DEFAULT 30 CHECK (payment_days BETWEEN 0 AND 365); -- from issue until an invoice is due

-- Everything that is printed and is no number is copied at issue. Invoices of before have the names alone.
ALTER TABLE invoices
  ADD COLUMN due_on date, -- in the provider's zone; null: of before, when no day was printed
  ADD COLUMN printed jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(printed) = 'object');

-- What came in, what of the customer's credit was used, and what was paid back. A row is booked by the entry that has its digest.
CREATE TABLE payments (
  id uuid PRIMARY KEY,
  wallet_id uuid NOT NULL REFERENCES wallets,
  provider_id uuid NOT NULL REFERENCES providers,
  organization_id uuid NOT NULL REFERENCES organizations,
  kind text NOT NULL CHECK (kind IN ('received', 'credit', 'repaid')),
  amount bigint NOT NULL CHECK (amount > 0), -- minor units
  currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
  paid_on date NOT NULL,                     -- by the bank's day
  reference text NOT NULL DEFAULT '' CHECK (length(reference) <= 140),
  recorded_by uuid REFERENCES people,
  recorded_at timestamptz NOT NULL
);
CREATE INDEX ON payments (provider_id, recorded_at);
CREATE INDEX ON payments (organization_id, recorded_at);
CREATE INDEX ON payments (wallet_id);
CREATE TABLE payment_allocations (
  payment_id uuid NOT NULL REFERENCES payments,
  invoice_id uuid NOT NULL REFERENCES invoices,
  amount bigint NOT NULL CHECK (amount > 0),
  PRIMARY KEY (payment_id, invoice_id)
);
CREATE INDEX ON payment_allocations (invoice_id);
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payments EXECUTE FUNCTION refuse_ledger_change();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payment_allocations EXECUTE FUNCTION refuse_ledger_change();

-- What is left to pay of each invoice. Triggers keep it, the nightly proof compares it; never below zero.
CREATE TABLE invoice_balances (
  invoice_id uuid PRIMARY KEY REFERENCES invoices,
  provider_id uuid NOT NULL,
  organization_id uuid NOT NULL,
  currency text NOT NULL,
  due_on date,
  total bigint NOT NULL CHECK (total >= 0),
  paid bigint NOT NULL DEFAULT 0 CHECK (paid >= 0),
  credited bigint NOT NULL DEFAULT 0 CHECK (credited >= 0), -- by credit notes, of what was still open
  open bigint GENERATED ALWAYS AS (total - paid - credited) STORED CHECK (open >= 0)
);
CREATE INDEX ON invoice_balances (provider_id, organization_id) WHERE open > 0;
CREATE INDEX ON invoice_balances (organization_id) WHERE open > 0;
CREATE INDEX ON invoice_balances (due_on) WHERE open > 0;
INSERT INTO invoice_balances (invoice_id, provider_id, organization_id, currency, due_on, total)
SELECT id, provider_id, organization_id, currency, due_on, net FROM invoices;

-- +goose StatementBegin
CREATE FUNCTION begin_balance() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO invoice_balances (invoice_id, provider_id, organization_id, currency, due_on, total)
  VALUES (NEW.id, NEW.provider_id, NEW.organization_id, NEW.currency, NEW.due_on, NEW.net);
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER balance_begins AFTER INSERT ON invoices FOR EACH ROW EXECUTE FUNCTION begin_balance();

-- +goose StatementBegin
CREATE FUNCTION apply_allocation() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE invoice_balances b SET paid = b.paid + NEW.amount
    FROM payments p WHERE b.invoice_id = NEW.invoice_id AND p.id = NEW.payment_id AND p.kind <> 'repaid'
     AND (b.provider_id, b.organization_id, b.currency) = (p.provider_id, p.organization_id, p.currency);
  IF NOT FOUND OR (SELECT sum(a.amount) > p.amount FROM payments p JOIN payment_allocations a ON a.payment_id = p.id WHERE p.id = NEW.payment_id GROUP BY p.amount) THEN
    RAISE EXCEPTION 'payment % does not pay invoice %', NEW.payment_id, NEW.invoice_id USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER balance_follows AFTER INSERT ON payment_allocations FOR EACH ROW EXECUTE FUNCTION apply_allocation();

-- What a journal's accounts of what is owed hold now, each counted up: neither is ever below zero.
CREATE TABLE wallet_money (
  wallet_id uuid NOT NULL REFERENCES wallets,
  currency text NOT NULL,
  receivable bigint NOT NULL DEFAULT 0 CHECK (receivable >= 0),
  credit bigint NOT NULL DEFAULT 0 CHECK (credit >= 0),
  PRIMARY KEY (wallet_id, currency)
);
INSERT INTO wallet_money (wallet_id, currency, receivable, credit)
SELECT wallet_id, currency, coalesce(sum(amount) FILTER (WHERE account = 'receivable'), 0), coalesce(-sum(amount) FILTER (WHERE account = 'credit'), 0)
  FROM money_postings WHERE account IN ('receivable', 'credit') GROUP BY wallet_id, currency;
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION apply_money() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE lots l SET deferred = l.deferred + d.deferred
    FROM (SELECT lot_id, -sum(amount) AS deferred FROM added WHERE account = 'deferred' GROUP BY lot_id) d
   WHERE l.id = d.lot_id;
  -- Zero rows first: an upsert checks its proposed row, which credit that is used would not pass.
  INSERT INTO wallet_money (wallet_id, currency)
  SELECT DISTINCT wallet_id, currency FROM added WHERE account IN ('receivable', 'credit') ON CONFLICT DO NOTHING;
  UPDATE wallet_money w SET receivable = w.receivable + d.receivable, credit = w.credit + d.credit
    FROM (SELECT wallet_id, currency, coalesce(sum(amount) FILTER (WHERE account = 'receivable'), 0) AS receivable,
                 coalesce(-sum(amount) FILTER (WHERE account = 'credit'), 0) AS credit
            FROM added WHERE account IN ('receivable', 'credit') GROUP BY wallet_id, currency) d
   WHERE w.wallet_id = d.wallet_id AND w.currency = d.currency;
  RETURN NULL;
END $$;
-- +goose StatementEnd

ALTER TABLE ledger_facts DROP CONSTRAINT ledger_facts_what_check,
  ADD CONSTRAINT ledger_facts_what_check CHECK (what IN ('lot', 'order', 'invoice', 'uses', 'payment'));
