-- +goose Up
-- Rights end when they end: which keys open what runs is known.

-- The SSH keys that a cluster's nodes were given at one of its starts, in the order of the seed. Whose key it was is asked
-- for long after the key, the role or the membership is gone.
CREATE TABLE cluster_keys (
  cluster_id uuid NOT NULL REFERENCES clusters (id),
  start int NOT NULL CHECK (start > 0), -- clusters.start_count of then
  position int NOT NULL CHECK (position > 0),
  person_id uuid REFERENCES people (id), -- NULL: deleted before this table was made
  name text NOT NULL, -- as its owner called it
  fingerprint text NOT NULL,
  public_key text NOT NULL,
  PRIMARY KEY (cluster_id, start, position)
);
CREATE INDEX ON cluster_keys (person_id);

INSERT INTO cluster_keys (cluster_id, start, position, person_id, name, fingerprint, public_key)
SELECT c.id, c.start_count, k.position, s.person_id, coalesce(s.name, ''),
  coalesce(s.fingerprint, 'SHA256:' || rtrim(encode(sha256(decode(substring(k.key FROM '^\S+\s+(\S+)'), 'base64')), 'base64'), '=')), k.key
FROM clusters c
CROSS JOIN LATERAL unnest(c.ssh_keys) WITH ORDINALITY AS k (key, position)
LEFT JOIN LATERAL (SELECT person_id, name, fingerprint FROM ssh_keys WHERE public_key = k.key ORDER BY created_at LIMIT 1) AS s ON true
WHERE c.ended_at IS NULL;
ALTER TABLE clusters DROP COLUMN ssh_keys;

-- A link that makes who follows it a person is sealed for the worker. Those that lie here in the clear are forgotten with
-- the mails' texts that hold them: people ask for another.
UPDATE mails SET state = 'failed', error = 'The link was forgotten at an upgrade: whoever needs it asks for another.'
  WHERE data ? 'secret' AND state IN ('waiting', 'kept');
UPDATE mails SET data = data - 'secret', body = '' WHERE data ? 'secret';
ALTER TABLE mails
  ADD COLUMN sealed bytea, -- the path of the link, by age; NULL where there is none, or none any more
  ADD COLUMN has_link boolean NOT NULL GENERATED ALWAYS AS (sealed IS NOT NULL) STORED,
  ADD CHECK (NOT data ? 'secret');

-- What is spent or over opens nothing any more and is forgotten. The worker has it done without a right to read it.
ALTER TABLE invitations ALTER COLUMN token_hash DROP NOT NULL;
ALTER TABLE clusters ADD CONSTRAINT clusters_seed_secret_check CHECK (ended_at IS NULL OR seed_secret = '') NOT VALID;
UPDATE clusters SET seed_secret = '' WHERE ended_at IS NOT NULL;
ALTER TABLE clusters VALIDATE CONSTRAINT clusters_seed_secret_check;
-- Whose link is over.
CREATE INDEX invitations_spent_idx ON invitations (expires_at) WHERE token_hash IS NOT NULL;
CREATE INDEX mails_sealed_idx ON mails (created_at) WHERE sealed IS NOT NULL;
CREATE INDEX ON mail_tokens (expires_at);
CREATE INDEX ON console_tickets (expires_at);

-- At most so many rows of each table at once, and how many there were of the one with the most: as many as asked for means
-- that there may be more. A used link is known for a day, so that whoever opens it again is told that it was used.
-- +goose StatementBegin
CREATE FUNCTION forget_secrets(most int) RETURNS int LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  n int;
  largest int := 0;
BEGIN
  DELETE FROM sessions WHERE ctid IN (
    SELECT ctid FROM sessions WHERE expires_at < now() LIMIT most FOR UPDATE SKIP LOCKED);
  GET DIAGNOSTICS n = ROW_COUNT; largest := greatest(largest, n);
  DELETE FROM console_tickets WHERE ctid IN (
    SELECT ctid FROM console_tickets WHERE expires_at < now() LIMIT most FOR UPDATE SKIP LOCKED);
  GET DIAGNOSTICS n = ROW_COUNT; largest := greatest(largest, n);
  DELETE FROM mail_tokens WHERE ctid IN (
    SELECT ctid FROM mail_tokens WHERE expires_at < now() - interval '1 day' LIMIT most FOR UPDATE SKIP LOCKED);
  GET DIAGNOSTICS n = ROW_COUNT; largest := greatest(largest, n);
  DELETE FROM sign_ups WHERE ctid IN (
    SELECT ctid FROM sign_ups WHERE expires_at < now() - interval '7 days' LIMIT most FOR UPDATE SKIP LOCKED);
  GET DIAGNOSTICS n = ROW_COUNT; largest := greatest(largest, n);
  UPDATE sign_ups SET password_hash = '' WHERE ctid IN (
    SELECT ctid FROM sign_ups WHERE password_hash <> '' AND completed_at IS NOT NULL LIMIT most FOR UPDATE SKIP LOCKED);
  GET DIAGNOSTICS n = ROW_COUNT; largest := greatest(largest, n);
  UPDATE invitations SET token_hash = NULL WHERE ctid IN (
    SELECT ctid FROM invitations WHERE token_hash IS NOT NULL AND (
      expires_at < now() - interval '1 day' OR accepted_at < now() - interval '1 day' OR revoked_at < now() - interval '1 day')
    LIMIT most FOR UPDATE SKIP LOCKED);
  GET DIAGNOSTICS n = ROW_COUNT; largest := greatest(largest, n);
  -- No link is good for longer than an invitation's fourteen days, and none but those than a sign-up's three.
  UPDATE mails SET sealed = NULL WHERE ctid IN (
    SELECT ctid FROM mails WHERE sealed IS NOT NULL AND created_at < now() - CASE kind WHEN 'invitation' THEN interval '15 days' ELSE interval '4 days' END LIMIT most FOR UPDATE SKIP LOCKED);
  GET DIAGNOSTICS n = ROW_COUNT; largest := greatest(largest, n);
  RETURN largest;
END $$;
-- +goose StatementEnd
REVOKE ALL ON FUNCTION forget_secrets(int) FROM PUBLIC;
