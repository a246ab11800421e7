-- +goose Up
-- People who come by themselves or by invitation, what is written to them, and who is shut out.

-- A person's address is known to be theirs: a sign-up becomes a person only by the link that was mailed to it.
ALTER TABLE people
  ADD COLUMN confirmed_at timestamptz NOT NULL DEFAULT now(),
  ADD COLUMN suspended_at timestamptz,
  ADD COLUMN suspended_reason text NOT NULL DEFAULT '' CHECK (length(suspended_reason) <= 500),
  ADD CHECK ((suspended_at IS NULL) = (suspended_reason = ''));
UPDATE people SET confirmed_at = created_at;

ALTER TABLE organizations
  ADD COLUMN suspended_at timestamptz,
  ADD COLUMN suspended_reason text NOT NULL DEFAULT '' CHECK (length(suspended_reason) <= 500),
  ADD CHECK ((suspended_at IS NULL) = (suspended_reason = ''));

-- An invitation to an organization or to a provider's staff: to the owner of an address, who gets the link by mail, or,
-- without an address, to whoever has the link. The link's token is nowhere kept, only its SHA-256.
CREATE TABLE invitations (
  id uuid PRIMARY KEY,
  organization_id uuid REFERENCES organizations,
  provider_id uuid REFERENCES providers,
  email text CHECK (email = lower(email) AND length(email) BETWEEN 3 AND 254),
  role text NOT NULL,
  token_hash bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
  invited_by uuid NOT NULL REFERENCES people,
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  accepted_at timestamptz,
  accepted_by uuid REFERENCES people,
  revoked_at timestamptz,
  CHECK ((organization_id IS NULL) <> (provider_id IS NULL)),
  CHECK (organization_id IS NULL OR role IN ('owner', 'manager', 'member', 'billing')),
  CHECK (provider_id IS NULL OR role IN ('admin', 'operator', 'accountant')),
  CHECK ((accepted_at IS NULL) = (accepted_by IS NULL))
);
CREATE INDEX ON invitations (organization_id, created_at) WHERE accepted_at IS NULL AND revoked_at IS NULL;
CREATE INDEX ON invitations (provider_id, created_at) WHERE accepted_at IS NULL AND revoked_at IS NULL;

-- A sign-up that waits for the link in its mail. There is one for an address that has an account, too, whose link
-- nobody gets: from outside the two cannot be told apart.
CREATE TABLE sign_ups (
  id uuid PRIMARY KEY,
  email text NOT NULL CHECK (email = lower(email) AND length(email) BETWEEN 3 AND 254),
  name text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
  organization_name text CHECK (length(organization_name) BETWEEN 2 AND 80), -- to be made
  invitation_id uuid REFERENCES invitations,                                 -- or joined
  password_hash text NOT NULL,
  token_hash bytea NOT NULL UNIQUE CHECK (length(token_hash) = 32),
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  completed_at timestamptz,
  CHECK ((organization_name IS NULL) <> (invitation_id IS NULL))
);
CREATE INDEX ON sign_ups (email, created_at);
CREATE INDEX ON sign_ups (expires_at);

-- Links in mails to people: to confirm a new address, or to set a new password.
CREATE TABLE mail_tokens (
  token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
  person_id uuid NOT NULL REFERENCES people,
  purpose text NOT NULL CHECK (purpose IN ('confirm', 'reset')),
  email text NOT NULL, -- to which it went
  created_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  used_at timestamptz
);
CREATE INDEX ON mail_tokens (person_id, purpose);

-- What is written to people. The worker renders subject and body and sends them; without SMTP it keeps them, and the
-- platform's admins pass them on. A secret link stays only as long as the mail is not sent.
CREATE TABLE mails (
  id uuid PRIMARY KEY,
  to_address text NOT NULL,
  kind text NOT NULL,
  data jsonb NOT NULL DEFAULT '{}',
  subject text NOT NULL DEFAULT '',
  body text NOT NULL DEFAULT '',
  state text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'kept', 'failed')),
  error text NOT NULL DEFAULT '',
  attempts int NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL,
  sent_at timestamptz
);
CREATE INDEX ON mails (created_at);
CREATE INDEX ON mails (state, created_at);

-- Tries of long ago are found to be forgotten.
CREATE INDEX ON sign_in_failures (at);

CREATE INDEX ON people (created_at);
CREATE INDEX ON organizations (created_at);
