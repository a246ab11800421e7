-- +goose Up
-- What guests of a pool reach of the private ranges, which are closed to them otherwise. Nothing at first: staff say
-- what their guests need.
ALTER TABLE pools ADD COLUMN allowed cidr[] NOT NULL DEFAULT '{}' CHECK (cardinality(allowed) <= 16);

-- Every network is made anew on its hosts, with the walls that a hook of this version builds.
UPDATE clusters SET network_generation = network_generation + 1, generation = generation + 1
WHERE ended_at IS NULL AND desired = 'running';
