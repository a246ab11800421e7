-- +goose Up
-- Tax: a provider's dated rates, what exempts whom, and what papers say of it.

-- The domestic rate from a day on, in the provider's zone; null: none is charged from then on.
CREATE TABLE tax_rates (
  provider_id uuid NOT NULL REFERENCES providers,
  from_day date NOT NULL,
  rate int CHECK (rate BETWEEN 1 AND 9999), -- hundredths of a percent
  set_by uuid REFERENCES people,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (provider_id, from_day)
);
CREATE TABLE tax_exemptions (
  provider_id uuid NOT NULL REFERENCES providers,
  organization_id uuid NOT NULL REFERENCES organizations,
  certificate text NOT NULL CHECK (length(certificate) BETWEEN 1 AND 80),
  from_day date NOT NULL,
  until_day date NOT NULL, -- the last day
  set_by uuid REFERENCES people,
  created_at timestamptz NOT NULL,
  PRIMARY KEY (provider_id, organization_id, from_day),
  CHECK (until_day >= from_day)
);
-- What papers were taxed by stays: a day that has begun is in them.
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON tax_rates EXECUTE FUNCTION refuse_ledger_change();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON tax_exemptions EXECUTE FUNCTION refuse_ledger_change();

-- Invoices and credit notes of before have no tax, and nothing said of it.
ALTER TABLE invoices ADD COLUMN tax bigint NOT NULL DEFAULT 0 CHECK (tax >= 0);
ALTER TABLE invoice_lines ADD COLUMN tax_category text CHECK (tax_category IN ('S', 'AE', 'E', 'O')), ADD COLUMN tax_rate int,
  ADD CHECK ((tax_category IS NULL) = (tax_rate IS NULL));
ALTER TABLE credit_notes ADD COLUMN tax bigint NOT NULL DEFAULT 0 CHECK (tax >= 0),
  DROP CONSTRAINT credit_notes_check, ADD CONSTRAINT credit_notes_check CHECK (off <= net + tax);
-- What a paper sums up at one rate.
CREATE TABLE invoice_taxes (
  invoice_id uuid NOT NULL REFERENCES invoices,
  category text NOT NULL CHECK (category IN ('S', 'AE', 'E', 'O')),
  rate int NOT NULL,
  base bigint NOT NULL CHECK (base >= 0),
  amount bigint NOT NULL CHECK (amount >= 0),
  reason text NOT NULL,
  PRIMARY KEY (invoice_id, category, rate)
);
CREATE TABLE credit_note_taxes (
  credit_note_id uuid NOT NULL REFERENCES credit_notes,
  category text NOT NULL CHECK (category IN ('S', 'AE', 'E', 'O')),
  rate int NOT NULL,
  base bigint NOT NULL CHECK (base >= 0),
  amount bigint NOT NULL CHECK (amount >= 0),
  reason text NOT NULL,
  PRIMARY KEY (credit_note_id, category, rate)
);
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON invoice_taxes EXECUTE FUNCTION refuse_ledger_change();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON credit_note_taxes EXECUTE FUNCTION refuse_ledger_change();

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION begin_balance() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  INSERT INTO invoice_balances (invoice_id, provider_id, organization_id, currency, due_on, total)
  VALUES (NEW.id, NEW.provider_id, NEW.organization_id, NEW.currency, NEW.due_on, NEW.net + NEW.tax);
  RETURN NULL;
END $$;
-- +goose StatementEnd
