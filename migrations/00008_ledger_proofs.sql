-- +goose Up
-- The nightly proof: once a day one worker recomputes the whole ledger (store.VerifyLedger) and writes down what it found.

CREATE TABLE ledger_proofs (
  day date PRIMARY KEY,          -- UTC
  worker text NOT NULL,
  started_at timestamptz NOT NULL,
  ended_at timestamptz,          -- null: at work, or its worker died
  journals int,
  entries bigint,
  difference text,               -- the first one; null: none
  CHECK (ended_at IS NOT NULL OR difference IS NULL),
  CHECK ((ended_at IS NULL) = (journals IS NULL) AND (ended_at IS NULL) = (entries IS NULL))
);
