-- +goose Up
-- How a pool's hosts take nodes: spread over all of them or packed onto few, how many vCPUs are sold on a processor where staff gave a host no
-- number of its own, and the labels that a host needs to take new nodes.
ALTER TABLE pools
  ADD COLUMN placement text NOT NULL DEFAULT 'spread' CHECK (placement IN ('spread', 'pack')),
  ADD COLUMN overcommit int NOT NULL DEFAULT 100 CHECK (overcommit BETWEEN 100 AND 1600), -- hundredths of a vCPU per processor
  ADD COLUMN host_labels jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(host_labels) = 'object' AND length(host_labels::text) <= 8000);
