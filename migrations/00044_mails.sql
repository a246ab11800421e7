-- +goose Up
-- Mails about what people choose. What happened is written down as a notice for each person who wants to hear of it, in the
-- transaction in which it happens; a worker makes mails of notices within seconds.

-- A row is there where somebody chose otherwise than their role's default (store/mail_events.go). The place is an
-- organization or a provider; the nil UUID is the platform.
CREATE TABLE mail_choices (
  person_id uuid NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  place_id uuid NOT NULL,
  event text NOT NULL CHECK (event ~ '^[a-z_]{1,40}$'),
  scope text NOT NULL CHECK (scope IN ('none', 'own', 'all')),
  PRIMARY KEY (person_id, place_id, event)
);

-- One event is told a person once: subject says of what, mark which time or threshold of it.
CREATE TABLE notices (
  person_id uuid NOT NULL REFERENCES people (id),
  event text NOT NULL,
  subject_id uuid NOT NULL,
  mark text NOT NULL CHECK (length(mark) <= 80),
  kind text NOT NULL,
  place_id uuid NOT NULL,
  group_id uuid NOT NULL,
  data jsonb NOT NULL CHECK (NOT (data ? 'secret')),
  created_at timestamptz NOT NULL,
  due_at timestamptz NOT NULL,
  mail_id uuid REFERENCES mails (id),
  ended_at timestamptz,
  PRIMARY KEY (person_id, event, subject_id, mark),
  CHECK (mail_id IS NULL OR ended_at IS NOT NULL)
);
CREATE INDEX ON notices (due_at) WHERE ended_at IS NULL;
CREATE INDEX ON notices (person_id, event, group_id) WHERE ended_at IS NULL;
CREATE INDEX ON notices (person_id, ended_at) WHERE mail_id IS NOT NULL;
CREATE INDEX ON notices (ended_at) WHERE ended_at IS NOT NULL;

-- What a clock brings is told once: the end of a lease, the expiry of a purchase.
CREATE TABLE told (
  event text NOT NULL,
  subject_id uuid NOT NULL,
  mark text NOT NULL CHECK (length(mark) <= 80),
  at timestamptz NOT NULL,
  PRIMARY KEY (event, subject_id, mark)
);
CREATE INDEX ON told (at);

-- Of what 20 % and 5 % are: what was left in a wallet when it last got hours. told is the last threshold that was told of,
-- 100 for none; number tells one telling from the next.
CREATE TABLE hour_marks (
  wallet_id uuid PRIMARY KEY REFERENCES wallets (id),
  full_hours bigint NOT NULL CHECK (full_hours >= 0),
  since timestamptz NOT NULL,
  told int NOT NULL DEFAULT 100 CHECK (told IN (100, 20, 5)),
  told_at timestamptz,
  number int NOT NULL DEFAULT 0
);
CREATE INDEX ON lots (wallet_id) WHERE available > 0 OR held > 0;

-- Wallets of before begin with what is left in them now.
INSERT INTO hour_marks (wallet_id, full_hours, since)
SELECT wallet_id, sum(available), now() FROM lots WHERE available > 0 AND (expires_at IS NULL OR expires_at > now()) GROUP BY wallet_id;

-- "refused": by the mail server, for good; refused_by is its name and refused its words, for whom the mail concerns.
ALTER TABLE mails DROP CONSTRAINT mails_state_check,
  ADD CONSTRAINT mails_state_check CHECK (state IN ('waiting', 'sent', 'kept', 'failed', 'refused')),
  ADD COLUMN caused_by uuid REFERENCES people (id),
  ADD COLUMN invitation_id uuid REFERENCES invitations (id),
  ADD COLUMN refused_by text NOT NULL DEFAULT '' CHECK (length(refused_by) <= 255),
  ADD COLUMN refused text NOT NULL DEFAULT '' CHECK (length(refused) <= 300);
CREATE INDEX ON mails (invitation_id, created_at) WHERE invitation_id IS NOT NULL;
CREATE INDEX ON mails (caused_by, created_at) WHERE caused_by IS NOT NULL;
