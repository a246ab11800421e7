-- +goose Up
-- How a host makes vCPUs: what its processors are, and how many of them it has. Its check writes both; they are empty until
-- the next one.
ALTER TABLE hosts
  ADD COLUMN cpu_model text NOT NULL DEFAULT '' CHECK (char_length(cpu_model) <= 80),
  ADD COLUMN processors int NOT NULL DEFAULT 0 CHECK (processors >= 0); -- logical ones
