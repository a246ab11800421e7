-- +goose Up
-- What an upload was begun of, and who sends it.
ALTER TABLE uploads
  -- A scheme's name, a hyphen and a SHA-256 in lower-case hex; empty: its client gave none.
  ADD COLUMN fingerprint text NOT NULL DEFAULT '' CHECK (fingerprint = '' OR fingerprint ~ '^[a-z0-9]{1,8}-[0-9a-f]{64}$'),
  -- A random name of the file in whoever sends it now; empty: unknown.
  ADD COLUMN sender text NOT NULL DEFAULT '' CHECK (sender = '' OR sender ~ '^[0-9A-Za-z-]{16,64}$');
