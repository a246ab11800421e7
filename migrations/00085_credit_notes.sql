-- +goose Up
-- Credit notes: hours that nobody used are taken back, and what was paid for them.

-- The last number of a year, as invoice_numbers has it.
CREATE TABLE credit_note_numbers (
  provider_id uuid NOT NULL REFERENCES providers,
  year int NOT NULL,
  last int NOT NULL CHECK (last > 0),
  PRIMARY KEY (provider_id, year)
);

CREATE TABLE credit_notes (
  id uuid PRIMARY KEY,
  provider_id uuid NOT NULL REFERENCES providers,
  organization_id uuid NOT NULL REFERENCES organizations,
  invoice_id uuid NOT NULL REFERENCES invoices,
  year int NOT NULL,
  serial int NOT NULL CHECK (serial > 0),
  previous int GENERATED ALWAYS AS (nullif(serial - 1, 0)) STORED,
  number text NOT NULL UNIQUE, -- 'NOR-C-2026-0001'
  seller text NOT NULL,
  tax_id text NOT NULL,
  buyer text NOT NULL,
  printed jsonb NOT NULL CHECK (jsonb_typeof(printed) = 'object'),
  reason text NOT NULL CHECK (length(reason) BETWEEN 1 AND 500),
  net bigint NOT NULL CHECK (net >= 0), -- minor units
  off bigint NOT NULL CHECK (off >= 0), -- of it what lowered what was left to pay of the invoice; the rest is credit
  currency text NOT NULL,
  issued_by uuid REFERENCES people,
  issued_at timestamptz NOT NULL,
  UNIQUE (provider_id, year, serial),
  CONSTRAINT credit_notes_serials_follow FOREIGN KEY (provider_id, year, previous) REFERENCES credit_notes (provider_id, year, serial),
  CHECK (off <= net)
);
CREATE INDEX ON credit_notes (organization_id, issued_at);
CREATE INDEX ON credit_notes (provider_id, issued_at);
CREATE INDEX ON credit_notes (invoice_id);
CREATE TABLE credit_note_lines (
  credit_note_id uuid NOT NULL REFERENCES credit_notes,
  number int NOT NULL CHECK (number > 0),
  invoice_id uuid NOT NULL,
  invoice_line int NOT NULL,
  lot_id uuid NOT NULL REFERENCES lots,
  description text NOT NULL,
  hours bigint NOT NULL CHECK (hours > 0),
  amount bigint NOT NULL CHECK (amount >= 0),
  PRIMARY KEY (credit_note_id, number),
  FOREIGN KEY (invoice_id, invoice_line) REFERENCES invoice_lines (invoice_id, number)
);
CREATE INDEX ON credit_note_lines (lot_id);
CREATE INDEX ON credit_note_lines (invoice_id, invoice_line);
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON credit_notes EXECUTE FUNCTION refuse_ledger_change();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON credit_note_lines EXECUTE FUNCTION refuse_ledger_change();

-- +goose StatementBegin
CREATE FUNCTION refuse_early_credit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF EXISTS (SELECT FROM credit_notes WHERE provider_id = NEW.provider_id AND year = NEW.year AND serial = NEW.serial - 1 AND issued_at >= NEW.issued_at) THEN
    RAISE EXCEPTION 'credit note % is not issued after the one before it', NEW.number USING ERRCODE = 'restrict_violation';
  END IF;
  UPDATE invoice_balances b SET credited = b.credited + NEW.off
   WHERE b.invoice_id = NEW.invoice_id AND (b.provider_id, b.organization_id, b.currency) = (NEW.provider_id, NEW.organization_id, NEW.currency);
  IF NOT FOUND THEN
    RAISE EXCEPTION 'credit note % is of another''s invoice', NEW.number USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER balance_follows AFTER INSERT ON credit_notes FOR EACH ROW EXECUTE FUNCTION refuse_early_credit();

-- No line of an invoice is credited with more than it has.
-- +goose StatementBegin
CREATE FUNCTION refuse_much_credit() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  IF (SELECT sum(c.hours) > max(l.hours) OR sum(c.amount) > max(l.amount) FROM credit_note_lines c JOIN invoice_lines l ON l.invoice_id = c.invoice_id AND l.number = c.invoice_line
       WHERE c.invoice_id = NEW.invoice_id AND c.invoice_line = NEW.invoice_line)
     OR NOT EXISTS (SELECT FROM credit_notes n JOIN invoice_lines l ON l.invoice_id = n.invoice_id AND l.number = NEW.invoice_line JOIN lots o ON o.order_id = l.order_id
       WHERE n.id = NEW.credit_note_id AND n.invoice_id = NEW.invoice_id AND o.id = NEW.lot_id) THEN
    RAISE EXCEPTION 'line % of credit note %: more than its line of the invoice, or of another', NEW.number, NEW.credit_note_id USING ERRCODE = 'check_violation';
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER bounded AFTER INSERT ON credit_note_lines FOR EACH ROW EXECUTE FUNCTION refuse_much_credit();

ALTER TABLE ledger_facts DROP CONSTRAINT ledger_facts_what_check,
  ADD CONSTRAINT ledger_facts_what_check CHECK (what IN ('lot', 'order', 'invoice', 'uses', 'payment', 'credit_note'));
