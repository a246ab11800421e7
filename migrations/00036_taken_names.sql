-- +goose Up
-- What names look like (package typed's Skeletons), each once in its scope: a name that differs from a taken one by case,
-- blanks, characters that cannot be seen or letters that look alike is refused. The keys of what is there already are
-- written by store.Migrate, which has the table of look-alikes; of twins that there are already the older one has the key.
CREATE TABLE taken_names (
  kind text NOT NULL CHECK (kind IN ('organization', 'provider', 'pool', 'shape', 'offer', 'model cluster')),
  scope_id uuid NOT NULL, -- whose names they are; all zeros: the deployment's
  key text NOT NULL,
  subject_id uuid NOT NULL,
  PRIMARY KEY (kind, scope_id, key)
);
CREATE INDEX taken_names_subject_id_idx ON taken_names (subject_id);

-- Names are kept in NFC from now on. One whose twin is there in another spelling stays as it is.
UPDATE people SET name = normalize(name, NFC) WHERE name IS NOT NFC NORMALIZED;
UPDATE organizations o SET name = normalize(name, NFC) WHERE name IS NOT NFC NORMALIZED
  AND NOT EXISTS (SELECT FROM organizations x WHERE x.id <> o.id AND normalize(x.name, NFC) = normalize(o.name, NFC));
UPDATE providers p SET name = normalize(name, NFC) WHERE name IS NOT NFC NORMALIZED
  AND NOT EXISTS (SELECT FROM providers x WHERE x.id <> p.id AND normalize(x.name, NFC) = normalize(p.name, NFC));
UPDATE pools p SET name = normalize(name, NFC) WHERE name IS NOT NFC NORMALIZED
  AND NOT EXISTS (SELECT FROM pools x WHERE x.id <> p.id AND x.provider_id = p.provider_id AND normalize(x.name, NFC) = normalize(p.name, NFC));
