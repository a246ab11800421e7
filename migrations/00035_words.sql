-- +goose Up
-- One word for one thing: a proof is a proof of life. The ledger's daily recomputing is an audit run, and a session is fresh
-- for a while after its password was given.

ALTER TABLE ledger_proofs RENAME TO audit_runs;
ALTER TABLE audit_runs RENAME CONSTRAINT ledger_proofs_pkey TO audit_runs_pkey;
ALTER TABLE audit_runs RENAME CONSTRAINT ledger_proofs_check TO audit_runs_check;
ALTER TABLE audit_runs RENAME CONSTRAINT ledger_proofs_check1 TO audit_runs_check1;

ALTER TABLE sessions RENAME COLUMN proven_at TO fresh_at;
