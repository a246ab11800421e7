-- +goose Up
-- What a passed acceptance test leaves for others (provisioner/certificate). Four tables that are insert-only: whoever was shown a certificate or
-- a key finds the same again, whatever became of the image, the version or the provider.

-- A key signs, its private part sealed for the worker (store/sealing). The worker makes it, so that web never had it.
CREATE TABLE certificate_keys (
  id uuid PRIMARY KEY,
  provider_id uuid REFERENCES providers (id), -- null: the platform's
  key_id text NOT NULL UNIQUE GENERATED ALWAYS AS (encode(sha256(public_key), 'hex')) STORED,
  public_key bytea NOT NULL CHECK (octet_length(public_key) = 32),
  sealed bytea NOT NULL CHECK (octet_length(sealed) BETWEEN 1 AND 4096),
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON certificate_keys (provider_id, created_at);

-- What ends a key. One that is retired signs nothing more, and what it signed stays good; of one that is revoked nothing is.
CREATE TABLE certificate_key_ends (
  key_id uuid NOT NULL REFERENCES certificate_keys (id),
  kind text NOT NULL CHECK (kind IN ('retired', 'revoked')),
  reason text NOT NULL CHECK (length(reason) <= 500 AND (reason <> '' OR kind = 'retired')),
  person_id uuid NOT NULL REFERENCES people (id),
  at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (key_id, kind)
);

-- What a certificate will say, written with the end of the test that passed: what it says of images and hosts may be gone when it is signed.
CREATE TABLE certificate_claims (
  test_id uuid PRIMARY KEY REFERENCES acceptance_tests (id),
  claim jsonb NOT NULL CHECK (octet_length(claim::text) <= 262144),
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE certificates (
  id uuid PRIMARY KEY,
  test_id uuid NOT NULL UNIQUE REFERENCES certificate_claims (test_id),
  organization_id uuid NOT NULL REFERENCES organizations (id),
  provider_id uuid NOT NULL REFERENCES providers (id),
  document_digest text NOT NULL CHECK (document_digest ~ '^[0-9a-f]{64}$'),
  provider_key uuid NOT NULL REFERENCES certificate_keys (id),
  platform_key uuid NOT NULL REFERENCES certificate_keys (id),
  address text NOT NULL UNIQUE CHECK (address ~ '^[0-9A-Za-z_-]{43}$'), -- of its page: who has it reads
  envelope text NOT NULL CHECK (octet_length(envelope) <= 524288),
  created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ON certificates (organization_id, document_digest);

CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON certificate_keys FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON certificate_key_ends FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON certificate_claims FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON certificates FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

-- The page of a test that is open shows its certificate as it comes.
-- +goose StatementBegin
CREATE FUNCTION notify_certificate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('volary_changes', json_build_object('organization', NEW.organization_id, 'provider', NEW.provider_id, 'kind', 'test', 'id', NEW.test_id)::text);
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER certificates_made AFTER INSERT ON certificates FOR EACH ROW EXECUTE FUNCTION notify_certificate();

-- Whose certificate a provider wants to see before a paid launch.
ALTER TABLE providers ADD COLUMN certificates_taken text NOT NULL DEFAULT 'none'
  CHECK (certificates_taken IN ('none', 'own', 'platform', 'any'));
