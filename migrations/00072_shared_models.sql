-- +goose Up
-- Model clusters are shared with other organizations and cloned by them, and leave and come as bundles (provisioner/bundle).

-- The platform's own: what such an organization shares with everyone is a starter model.
ALTER TABLE organizations ADD COLUMN starters boolean NOT NULL DEFAULT false;

CREATE TABLE model_shares (
  model_cluster_id uuid NOT NULL,
  organization_id uuid NOT NULL, -- whose the model cluster is
  with_id uuid REFERENCES organizations (id), -- null: everyone
  shared_by uuid REFERENCES people (id),
  shared_at timestamptz NOT NULL DEFAULT now(),
  CHECK (with_id <> organization_id),
  FOREIGN KEY (model_cluster_id, organization_id) REFERENCES model_clusters (id, organization_id),
  UNIQUE NULLS NOT DISTINCT (model_cluster_id, with_id)
);
CREATE INDEX ON model_shares (with_id, model_cluster_id);

-- A clone's images are rows over the bytes of others, which came of no upload of the organization's own.
ALTER TABLE images ADD COLUMN cloned boolean NOT NULL DEFAULT false, ADD CHECK (NOT cloned OR upload_id IS NULL);

-- Where a model cluster came from. What it was called there stays, whatever becomes of it.
CREATE TABLE model_origins (
  model_cluster_id uuid PRIMARY KEY,
  organization_id uuid NOT NULL,
  version_id uuid REFERENCES model_versions (id), -- of which it is a clone; null: it came in a bundle
  whose text NOT NULL CHECK (length(whose) <= 300), -- the organization's name, or the deployment's address as the bundle gives it
  model text NOT NULL CHECK (length(model) BETWEEN 1 AND 80),
  version text NOT NULL CHECK (length(version) BETWEEN 1 AND 40),
  at timestamptz NOT NULL DEFAULT now(),
  FOREIGN KEY (model_cluster_id, organization_id) REFERENCES model_clusters (id, organization_id)
);
CREATE INDEX ON model_origins (version_id);

-- Certificates that an organization got with a clone: of tests of the same document by others.
CREATE TABLE given_certificates (
  organization_id uuid NOT NULL REFERENCES organizations (id),
  certificate_id uuid NOT NULL REFERENCES certificates (id),
  PRIMARY KEY (organization_id, certificate_id)
);
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON given_certificates FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

-- What an upload that is a bundle holds beside its images. The worker's word; it goes with the upload.
CREATE TABLE bundles (
  upload_id text PRIMARY KEY REFERENCES uploads (id) ON DELETE CASCADE,
  organization_id uuid NOT NULL REFERENCES organizations (id),
  whose text NOT NULL CHECK (length(whose) <= 300),
  model text NOT NULL CHECK (length(model) BETWEEN 1 AND 80),
  version text NOT NULL CHECK (length(version) BETWEEN 1 AND 40),
  document text NOT NULL CHECK (octet_length(document) <= 1 << 20),
  document_digest text NOT NULL CHECK (document_digest = encode(sha256(convert_to(document, 'UTF8')), 'hex')),
  certificates text[] NOT NULL CHECK (cardinality(certificates) <= 20), -- envelopes
  keys text NOT NULL CHECK (octet_length(keys) <= 1 << 20), -- those by which they are to be checked, as the bundle has them; empty: none
  created_at timestamptz NOT NULL DEFAULT now()
);

-- Certificates that came in a bundle, of another deployment perhaps: shown with what they are worth, and good for no launch here.
CREATE TABLE foreign_certificates (
  version_id uuid NOT NULL,
  organization_id uuid NOT NULL,
  position int NOT NULL CHECK (position BETWEEN 0 AND 19),
  envelope text NOT NULL CHECK (octet_length(envelope) <= 524288),
  keys text NOT NULL CHECK (octet_length(keys) <= 1 << 20),
  PRIMARY KEY (version_id, position),
  FOREIGN KEY (version_id, organization_id) REFERENCES model_versions (id, organization_id)
);
CREATE TRIGGER insert_only BEFORE UPDATE OR DELETE OR TRUNCATE ON foreign_certificates FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

-- Web makes no images and gives no certificates but through these two, which look whether the version reaches the organization: so no server
-- that was taken over can call bytes or certificates its own.
-- +goose StatementBegin
CREATE FUNCTION clone_image(made uuid, source uuid, at_position int, taker uuid, person uuid, called text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  -- The lock is the one that the deletion of an image waits for: its bytes have the clone's row by then, and stay.
  INSERT INTO images (id, organization_id, person_id, name, virtual_size, canonical_size, canonical_digest, guest_digest, proposed_vcpus, proposed_memory_mib,
    firmware, lost, lost_at, cloned, created_at)
  SELECT made, taker, person, called, i.virtual_size, i.canonical_size, i.canonical_digest, i.guest_digest, i.proposed_vcpus, i.proposed_memory_mib,
    i.firmware, i.lost, i.lost_at, true, now()
  FROM version_roles r JOIN model_versions v ON v.id = r.version_id JOIN organizations o ON o.id = v.organization_id JOIN images i ON i.id = r.image_id
  WHERE r.version_id = source AND r.position = at_position AND v.state = 'published' AND v.organization_id <> taker AND o.suspended_at IS NULL
    AND EXISTS (SELECT FROM model_shares s WHERE s.model_cluster_id = v.model_cluster_id AND (s.with_id = taker OR s.with_id IS NULL))
  FOR KEY SHARE OF i;
  RETURN FOUND;
END $$;

CREATE FUNCTION give_certificates(source uuid, taker uuid) RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
  INSERT INTO given_certificates (organization_id, certificate_id)
  SELECT taker, c.id FROM model_versions v JOIN organizations o ON o.id = v.organization_id JOIN certificates c ON c.document_digest = v.document_digest
  WHERE v.id = source AND v.state = 'published' AND v.organization_id <> taker AND c.organization_id <> taker AND o.suspended_at IS NULL
    AND EXISTS (SELECT FROM model_shares s WHERE s.model_cluster_id = v.model_cluster_id AND (s.with_id = taker OR s.with_id IS NULL))
    AND (c.organization_id = v.organization_id OR EXISTS (SELECT FROM given_certificates g WHERE g.certificate_id = c.id AND g.organization_id = v.organization_id))
  ON CONFLICT DO NOTHING
$$;
-- +goose StatementEnd
