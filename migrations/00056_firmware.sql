-- +goose Up
-- What starts an image's disk. What was taken before is started by BIOS, as it always was.
ALTER TABLE images
  ADD COLUMN firmware text NOT NULL DEFAULT 'bios' CHECK (firmware IN ('bios', 'uefi', 'both'));

-- Whether a host has UEFI firmware for nodes; null: no check has looked yet.
ALTER TABLE hosts
  ADD COLUMN uefi boolean;
