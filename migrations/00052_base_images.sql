-- +goose Up
-- The base images that each host has: what its worker last saw there, and what is being brought. Who brings one and who removes
-- one claim it here, so that neither begins while the other is at it; a dead worker's claim runs out.
CREATE TABLE base_images (
  host_id uuid NOT NULL REFERENCES hosts,
  digest text NOT NULL CHECK (digest ~ '^[0-9a-f]{64}$'), -- canonical
  bytes bigint NOT NULL CHECK (bytes >= 0), -- of the host's disk
  whole boolean NOT NULL,                   -- false: being brought, or what is left of one that was not
  used_at timestamptz NOT NULL,             -- when a node of the host or a check was last seen to use it
  brought_until timestamptz,
  going_until timestamptz,
  CHECK (brought_until IS NULL OR going_until IS NULL),
  PRIMARY KEY (host_id, digest)
);

-- When its base images were last listed, and what its disk had free then.
ALTER TABLE hosts
  ADD COLUMN images_at timestamptz,
  ADD COLUMN free_bytes bigint CHECK (free_bytes >= 0);
