-- +goose Up
-- What gives lasting power asks for a password that was proven a while ago: when it was, the session keeps.

ALTER TABLE sessions ADD COLUMN proven_at timestamptz NOT NULL DEFAULT now();
UPDATE sessions SET proven_at = created_at;
