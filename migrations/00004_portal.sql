-- +goose Up
-- What several parts of the portal read: who a provider is, what it offers at which price, and what a group calls
-- a cluster in its own books.

ALTER TABLE providers
  ADD COLUMN state text NOT NULL DEFAULT 'active' CHECK (state IN ('applied', 'active', 'rejected', 'suspended')),
  ADD COLUMN state_reason text NOT NULL DEFAULT '' CHECK (length(state_reason) <= 500),
  ADD COLUMN legal_name text NOT NULL DEFAULT '' CHECK (length(legal_name) <= 120),
  ADD COLUMN tax_id text NOT NULL DEFAULT '' CHECK (length(tax_id) <= 40),
  ADD COLUMN invoice_prefix text UNIQUE CHECK (invoice_prefix ~ '^[A-Z][A-Z0-9]{1,7}$'), -- of the numbers of its invoices
  ADD COLUMN support_contact text NOT NULL DEFAULT '' CHECK (length(support_contact) <= 200),
  ADD COLUMN about text NOT NULL DEFAULT '' CHECK (length(about) <= 4000),  -- who they are, in their words
  ADD COLUMN terms text NOT NULL DEFAULT '' CHECK (length(terms) <= 20000);

ALTER TABLE pools
  ADD COLUMN location text NOT NULL DEFAULT '' CHECK (length(location) <= 80), -- 'Hamburg, Germany'
  ADD COLUMN policy text NOT NULL DEFAULT '' CHECK (length(policy) <= 2000);   -- what the columns do not say, in words

-- A provider's dated price for compute hours. What is sold stays as it was sold: a price is ended and replaced.
CREATE TABLE offers (
  id uuid PRIMARY KEY,
  provider_id uuid NOT NULL REFERENCES providers,
  pool_id uuid,                                     -- null: the hours are good on every pool of the provider
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
  least_hours bigint NOT NULL CHECK (least_hours > 0), -- of an order, in milli-compute-seconds
  good_days int NOT NULL CHECK (good_days BETWEEN 1 AND 3650), -- from approval to expiry
  ended_at timestamptz,                             -- no longer sold
  created_by uuid REFERENCES people,
  created_at timestamptz NOT NULL,
  UNIQUE (provider_id, name),
  UNIQUE (id, provider_id),
  FOREIGN KEY (pool_id, provider_id) REFERENCES pools (id, provider_id)
);

CREATE TABLE offer_prices (
  id uuid PRIMARY KEY,
  offer_id uuid NOT NULL,
  provider_id uuid NOT NULL,
  price bigint NOT NULL CHECK (price BETWEEN 0 AND 1000000000000), -- millionths of the provider's currency unit per compute hour
  during tstzrange NOT NULL CHECK (NOT isempty(during) AND NOT lower_inf(during)),
  set_by uuid REFERENCES people, -- who may not approve an order at it
  created_at timestamptz NOT NULL,
  FOREIGN KEY (offer_id, provider_id) REFERENCES offers (id, provider_id),
  UNIQUE (id, offer_id),
  CONSTRAINT offer_prices_overlap EXCLUDE USING gist (offer_id WITH =, during WITH &&)
);

-- The group's own references, carried into lines of usage and invoices.
ALTER TABLE clusters
  ADD COLUMN purchase_order text NOT NULL DEFAULT '' CHECK (length(purchase_order) <= 80),
  ADD COLUMN cost_centre text NOT NULL DEFAULT '' CHECK (length(cost_centre) <= 80),
  ADD COLUMN grant_number text NOT NULL DEFAULT '' CHECK (length(grant_number) <= 80);

-- Figures of the last 90 days: launches that became ready, and how soon.
CREATE INDEX ON clusters (provider_id, created_at) WHERE kind = 'cluster';
