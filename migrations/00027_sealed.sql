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
