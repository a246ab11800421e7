-- +goose Up
-- Who may write to an upload now, of all web processes.
CREATE TABLE upload_locks (
  upload_id    text PRIMARY KEY CHECK (upload_id ~ '^[0-9a-f]{32}$'),
  holder       uuid NOT NULL UNIQUE, -- random, of one request
  confirmed_at timestamptz NOT NULL, -- by the holder, by our clock; long ago: the lock is free
  wanted       boolean NOT NULL DEFAULT false -- somebody asks the holder to let go
);
