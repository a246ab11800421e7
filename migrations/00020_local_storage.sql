-- +goose Up
-- Shared storage could be chosen and did nothing: every pool keeps its disks on each host. Pools say what is so, and
-- 'shared' is refused until it works.

UPDATE pools SET storage = 'local' WHERE storage <> 'local';
ALTER TABLE pools DROP CONSTRAINT pools_storage_check, ADD CONSTRAINT pools_storage_check CHECK (storage = 'local');
