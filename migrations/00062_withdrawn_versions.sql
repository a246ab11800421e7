-- +goose Up
-- An image that ran can be deleted. A node that is gone keeps its image's digest alone, and a published version that nothing
-- uses can be withdrawn: it keeps what its images were called and their digests, and holds none of them.
ALTER TABLE nodes ALTER COLUMN image_id DROP NOT NULL;
UPDATE nodes SET image_id = NULL WHERE state = 'gone';
ALTER TABLE nodes ADD CHECK ((state = 'gone') = (image_id IS NULL));

ALTER TABLE model_versions
  ADD COLUMN withdrawn_at timestamptz,
  ADD COLUMN withdrawn_by uuid REFERENCES people (id),
  DROP CONSTRAINT model_versions_state_check,
  DROP CONSTRAINT model_versions_check1,
  ADD CHECK (state IN ('draft', 'published', 'withdrawn')),
  ADD CHECK ((state <> 'draft') = (published_at IS NOT NULL)),
  ADD CHECK ((state = 'withdrawn') = (withdrawn_at IS NOT NULL) AND (withdrawn_at IS NOT NULL OR withdrawn_by IS NULL));

ALTER TABLE version_roles
  ALTER COLUMN image_id DROP NOT NULL,
  ADD COLUMN image_name text NOT NULL DEFAULT '',   -- as it was called at the withdrawal; empty: image_id says it
  ADD COLUMN image_digest text NOT NULL DEFAULT '', -- canonical; the same
  ADD CHECK ((image_id IS NULL) = (image_digest <> ''));

-- A published version never changes. It is withdrawn and published again as a whole, and with images of the same digests.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION refuse_published_change() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  stands text;
BEGIN
  IF TG_TABLE_NAME = 'model_versions' THEN
    IF OLD.state = 'draft' THEN
      RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
    END IF;
    IF TG_OP = 'UPDATE' AND (OLD.state, NEW.state) IN (('published', 'withdrawn'), ('withdrawn', 'published'))
       AND to_jsonb(NEW) - '{state,withdrawn_at,withdrawn_by}'::text[] = to_jsonb(OLD) - '{state,withdrawn_at,withdrawn_by}'::text[]
       AND (NEW.state = 'withdrawn' OR NOT EXISTS (SELECT FROM version_roles WHERE version_id = NEW.id AND image_id IS NULL)) THEN
      RETURN NEW;
    END IF;
    RAISE EXCEPTION 'version % is % and never changes', OLD.id, OLD.state USING ERRCODE = 'restrict_violation';
  END IF;
  SELECT state INTO stands FROM model_versions WHERE id = CASE WHEN TG_OP = 'INSERT' THEN NEW.version_id ELSE OLD.version_id END;
  IF stands = 'published' THEN
    RAISE EXCEPTION 'roles of a published version never change' USING ERRCODE = 'restrict_violation';
  END IF;
  IF stands = 'withdrawn' AND (TG_OP <> 'UPDATE'
      OR to_jsonb(NEW) - '{image_id,image_name,image_digest}'::text[] <> to_jsonb(OLD) - '{image_id,image_name,image_digest}'::text[]
      OR coalesce((SELECT canonical_digest FROM images WHERE id = NEW.image_id), NEW.image_digest)
        <> coalesce((SELECT canonical_digest FROM images WHERE id = OLD.image_id), OLD.image_digest)) THEN
    RAISE EXCEPTION 'roles of a withdrawn version never change' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END;
END $$;
-- +goose StatementEnd
