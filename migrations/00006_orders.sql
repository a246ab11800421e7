-- +goose Up
-- What is sold: prices that are ended and replaced, orders, the lots that approval makes of them, and invoices.

-- The end that a price was given when it was set: one that was ended for another goes on until then if that is withdrawn.
ALTER TABLE offer_prices ADD COLUMN planned_until timestamptz;

-- +goose StatementBegin
CREATE FUNCTION refuse_price_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND (NEW.id, NEW.offer_id, NEW.provider_id, NEW.price, NEW.set_by, NEW.created_at, lower(NEW.during))
       IS NOT DISTINCT FROM (OLD.id, OLD.offer_id, OLD.provider_id, OLD.price, OLD.set_by, OLD.created_at, lower(OLD.during)) THEN
    RETURN NEW;
  END IF;
  IF TG_OP = 'DELETE' AND lower(OLD.during) > now() THEN
    RETURN OLD;
  END IF;
  RAISE EXCEPTION 'price %: prices are ended and replaced, never edited', OLD.id USING ERRCODE = 'restrict_violation';
END $$;
-- +goose StatementEnd
CREATE TRIGGER prices_stay BEFORE UPDATE OR DELETE ON offer_prices FOR EACH ROW EXECUTE FUNCTION refuse_price_change();

-- Amounts are kept in the currency they were agreed in: a provider with prices keeps its own.
-- +goose StatementBegin
CREATE FUNCTION refuse_currency_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.currency <> OLD.currency AND EXISTS (SELECT FROM offer_prices WHERE provider_id = OLD.id) THEN
    RAISE EXCEPTION 'provider %: its currency is that of its prices', OLD.id USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
-- +goose StatementEnd
CREATE TRIGGER currency_stays BEFORE UPDATE OF currency ON providers FOR EACH ROW EXECUTE FUNCTION refuse_currency_change();

-- A purchase of compute hours. What was agreed never changes; a waiting one is decided once.
CREATE TABLE orders (
  id uuid PRIMARY KEY,
  number bigint NOT NULL GENERATED ALWAYS AS IDENTITY UNIQUE, -- what people call it; numbers may be missing
  organization_id uuid NOT NULL REFERENCES organizations,
  provider_id uuid NOT NULL REFERENCES providers,
  offer_id uuid NOT NULL,
  price_id uuid NOT NULL,
  hours bigint NOT NULL CHECK (hours > 0),     -- milli-compute-seconds
  amount bigint NOT NULL CHECK (amount >= 0),  -- minor units, net; hours times the price, rounded once
  currency text NOT NULL,
  state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'approved', 'rejected', 'withdrawn')),
  purchase_order text NOT NULL DEFAULT '' CHECK (length(purchase_order) <= 80),
  cost_centre text NOT NULL DEFAULT '' CHECK (length(cost_centre) <= 80),
  grant_number text NOT NULL DEFAULT '' CHECK (length(grant_number) <= 80),
  note text NOT NULL DEFAULT '' CHECK (length(note) <= 500),   -- of who ordered
  ordered_by uuid REFERENCES people,
  decided_by uuid REFERENCES people,
  reason text NOT NULL DEFAULT '' CHECK (length(reason) <= 500), -- of a rejection
  lot_id uuid UNIQUE REFERENCES lots,
  created_at timestamptz NOT NULL,
  decided_at timestamptz,
  good_until timestamptz, -- when the hours of an approved order expire
  UNIQUE (id, provider_id, organization_id),
  FOREIGN KEY (offer_id, provider_id) REFERENCES offers (id, provider_id),
  FOREIGN KEY (price_id, offer_id) REFERENCES offer_prices (id, offer_id),
  CHECK ((state = 'waiting') = (decided_at IS NULL)),
  CHECK ((state = 'approved') = (lot_id IS NOT NULL) AND (lot_id IS NULL) = (good_until IS NULL)),
  CHECK (state <> 'rejected' OR reason <> '')
);
CREATE INDEX ON orders (organization_id, created_at);
CREATE INDEX ON orders (provider_id, created_at);
CREATE INDEX ON orders (provider_id) WHERE state = 'waiting';
CREATE INDEX ON orders (price_id);

-- +goose StatementBegin
CREATE FUNCTION refuse_order_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND OLD.state = 'waiting'
     AND (NEW.id, NEW.number, NEW.organization_id, NEW.provider_id, NEW.offer_id, NEW.price_id, NEW.hours, NEW.amount, NEW.currency, NEW.created_at)
      IS NOT DISTINCT FROM (OLD.id, OLD.number, OLD.organization_id, OLD.provider_id, OLD.offer_id, OLD.price_id, OLD.hours, OLD.amount, OLD.currency, OLD.created_at) THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'order %: what was agreed stays, and is decided once', OLD.number USING ERRCODE = 'restrict_violation';
END $$;
-- +goose StatementEnd
CREATE TRIGGER orders_stay BEFORE UPDATE OR DELETE ON orders FOR EACH ROW EXECUTE FUNCTION refuse_order_change();

-- What a lot is of. A trigger of 00003 refuses every change of a lot's row, so these stay as they were inserted.
ALTER TABLE lots
  ADD COLUMN order_id uuid UNIQUE REFERENCES orders, -- null: a grant
  ADD COLUMN pool_id uuid REFERENCES pools,          -- null: good on every pool of the provider
  ADD COLUMN amount bigint CHECK (amount >= 0),      -- paid, in minor units; null: granted
  ADD COLUMN currency text,
  ADD COLUMN purpose text NOT NULL DEFAULT '' CHECK (length(purpose) <= 200), -- of a grant
  ADD CHECK ((amount IS NULL) = (order_id IS NULL) AND (amount IS NULL) = (currency IS NULL));

-- What a line's hours cost by the price of their lot; null where the lot has none. The costs of a lot that is wholly
-- used sum to its amount.
ALTER TABLE usage_lines ADD COLUMN cost bigint CHECK (cost >= 0);
CREATE INDEX ON usage_lines (lot_id) WHERE cost IS NOT NULL;

-- The last number that a provider gave an invoice of a year. Locked until the invoice is there: no number is left out.
CREATE TABLE invoice_numbers (
  provider_id uuid NOT NULL REFERENCES providers,
  year int NOT NULL,
  last int NOT NULL CHECK (last > 0),
  PRIMARY KEY (provider_id, year)
);

-- Names are those of the day.
CREATE TABLE invoices (
  id uuid PRIMARY KEY,
  provider_id uuid NOT NULL REFERENCES providers,
  organization_id uuid NOT NULL REFERENCES organizations,
  year int NOT NULL,
  serial int NOT NULL CHECK (serial > 0),
  number text NOT NULL UNIQUE, -- 'NOR-2026-0001'
  seller text NOT NULL,
  tax_id text NOT NULL,
  buyer text NOT NULL,
  net bigint NOT NULL CHECK (net >= 0), -- minor units
  currency text NOT NULL,
  issued_at timestamptz NOT NULL,
  UNIQUE (provider_id, year, serial)
);
CREATE INDEX ON invoices (organization_id, issued_at);
CREATE INDEX ON invoices (provider_id, issued_at);

CREATE TABLE invoice_lines (
  invoice_id uuid NOT NULL REFERENCES invoices,
  number int NOT NULL CHECK (number > 0),
  order_id uuid NOT NULL UNIQUE REFERENCES orders, -- its references are the line's
  description text NOT NULL,
  hours bigint NOT NULL CHECK (hours > 0),
  price bigint NOT NULL CHECK (price > 0), -- millionths per compute hour
  amount bigint NOT NULL CHECK (amount >= 0),
  PRIMARY KEY (invoice_id, number)
);
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON invoices EXECUTE FUNCTION refuse_ledger_change();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON invoice_lines EXECUTE FUNCTION refuse_ledger_change();
