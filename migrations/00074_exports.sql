-- +goose Up
-- What is in a month's accounts besides use: exports read it, and a journal grows for ever by holds and uses.
CREATE INDEX ledger_entries_wallet_id_period_idx ON ledger_entries (wallet_id, period) WHERE kind NOT IN ('use', 'hold', 'release');
