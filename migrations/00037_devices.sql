-- +goose Up
-- A device is a browser that a person signed in with: whoever else tries their password does not keep it out.
CREATE TABLE devices (
  token_hash bytea PRIMARY KEY CHECK (length(token_hash) = 32),
  person_id uuid NOT NULL REFERENCES people (id) ON DELETE CASCADE,
  seen_at timestamptz NOT NULL
);
CREATE INDEX ON devices (person_id, seen_at);
