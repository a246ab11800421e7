-- +goose Up
CREATE EXTENSION IF NOT EXISTS btree_gist;

CREATE TABLE people (
  id uuid PRIMARY KEY,
  email text NOT NULL UNIQUE CHECK (email = lower(email) AND length(email) BETWEEN 3 AND 254),
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
  password_hash text NOT NULL, -- PHC string, argon2id
  platform_admin boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL
);

CREATE TABLE organizations (
  id uuid PRIMARY KEY,
  name text NOT NULL UNIQUE CHECK (length(name) BETWEEN 2 AND 80),
  created_at timestamptz NOT NULL
);

CREATE TABLE providers (
  id uuid PRIMARY KEY,
  name text NOT NULL UNIQUE CHECK (length(name) BETWEEN 2 AND 80),
  currency text NOT NULL CHECK (currency ~ '^[A-Z]{3}$'), -- ISO 4217
  accounting_zone text NOT NULL,                          -- IANA zone of its periods
  created_at timestamptz NOT NULL
);

CREATE TABLE memberships (
  organization_id uuid NOT NULL REFERENCES organizations,
  person_id uuid NOT NULL REFERENCES people,
  role text NOT NULL CHECK (role IN ('owner', 'manager', 'member', 'billing')),
  created_at timestamptz NOT NULL,
  PRIMARY KEY (organization_id, person_id)
);
CREATE INDEX ON memberships (person_id);

CREATE TABLE staff (
  provider_id uuid NOT NULL REFERENCES providers,
  person_id uuid NOT NULL REFERENCES people,
  role text NOT NULL CHECK (role IN ('admin', 'operator', 'accountant')),
  created_at timestamptz NOT NULL,
  PRIMARY KEY (provider_id, person_id)
);
CREATE INDEX ON staff (person_id);

-- A session is found by the SHA-256 of its token; the token itself is only in the browser.
CREATE TABLE sessions (
  id uuid PRIMARY KEY,
  token_hash bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
  person_id uuid NOT NULL REFERENCES people,
  organization_id uuid REFERENCES organizations, -- the one worked in now, if any
  provider_id uuid REFERENCES providers,         -- or the one worked for now
  user_agent text NOT NULL,
  address inet,
  created_at timestamptz NOT NULL,
  seen_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  CHECK (organization_id IS NULL OR provider_id IS NULL)
);
CREATE INDEX ON sessions (person_id);
CREATE INDEX ON sessions (expires_at);

-- What throttles sign-in: a row for each failed attempt, by address and by e-mail, removed when old.
CREATE TABLE sign_in_failures (
  key text NOT NULL, -- 'address:…' or 'email:…'
  at timestamptz NOT NULL
);
CREATE INDEX ON sign_in_failures (key, at);

CREATE TABLE ssh_keys (
  id uuid PRIMARY KEY,
  person_id uuid NOT NULL REFERENCES people,
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
  public_key text NOT NULL CHECK (length(public_key) <= 8192), -- authorized_keys form, one line
  fingerprint text NOT NULL,                                   -- SHA256:…
  created_at timestamptz NOT NULL,
  UNIQUE (person_id, fingerprint)
);

-- What was done by whom to what; written in the transaction that did it.
CREATE TABLE audit (
  id uuid PRIMARY KEY,
  at timestamptz NOT NULL,
  person_id uuid REFERENCES people, -- null: the system, or the operator's command
  organization_id uuid REFERENCES organizations,
  provider_id uuid REFERENCES providers,
  verb text NOT NULL,    -- 'launch cluster'
  subject text NOT NULL, -- 'cluster'
  subject_id uuid,
  detail jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX ON audit (organization_id, at);
CREATE INDEX ON audit (provider_id, at);
