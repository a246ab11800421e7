-- +goose Up
-- A version of a model cluster is a document (provisioner.Model), kept as the bytes that its digest is of (provisioner/manifest).
-- What it was kept in until now becomes one, in exactly the form that Go writes: to_json writes strings as RFC 8785 has them.
ALTER TABLE model_versions DISABLE TRIGGER published_version;
ALTER TABLE version_roles DISABLE TRIGGER published_roles;

-- Where a version may have no compute nodes, no node could come of their role.
DELETE FROM version_roles r USING model_versions v WHERE v.id = r.version_id AND r.role = 'compute' AND v.compute_max = 0;

ALTER TABLE model_versions ADD COLUMN document text, ADD COLUMN document_digest text;
-- A draft may have lost a role, with its image: it has no image then, and sizes that nobody chose.
-- A withdrawn version holds no images: what a guest sees of one that is deleted is not known any more.
WITH same AS (
  SELECT DISTINCT ON (r.version_id, r.role) r.version_id, r.role, k.id FROM version_roles r
  JOIN images k ON k.organization_id = r.organization_id AND k.canonical_digest = r.image_digest
  WHERE r.image_id IS NULL ORDER BY r.version_id, r.role, k.name = r.image_name DESC, k.id
)
UPDATE model_versions v SET document = d.document, document_digest = encode(sha256(convert_to(d.document, 'UTF8')), 'hex')
FROM (
  SELECT v.id, '{' ||
    CASE WHEN v.compute_max > 0 THEN
      '"compute":[{"count":{"least":' || v.compute_min || ',"most":' || v.compute_max || '},' || c.body || ',"name":"compute",' || c.shape || '}],'
    ELSE '' END ||
    '"head":{' || h.body || ',' || h.shape || '},' ||
    CASE WHEN v.sign_in_user <> '' THEN '"sign_in_user":' || to_json(v.sign_in_user)::text || ',' ELSE '' END ||
    '"volary":1}' AS document
  FROM model_versions v
  CROSS JOIN LATERAL (SELECT '"gate":{"kind":' || to_json(v.gate_kind)::text ||
    CASE WHEN v.gate_kind = 'console' THEN ',"text":' || to_json(v.gate_text)::text ELSE '' END ||
    ',"timeout_seconds":' || v.gate_timeout_seconds || '}' AS json) AS gate
  CROSS JOIN LATERAL (
    SELECT gate.json || ',"image":{"digest":' || to_json(coalesce(i.guest_digest, ''))::text || ',"name":' || to_json(coalesce(i.name, r.image_name, ''))::text || '}' AS body,
      '"shape":{"disk_gib":' || coalesce(r.disk_gib, 0) || ',"memory_mib":' || coalesce(r.memory_mib, 0) || ',"vcpus":' || coalesce(r.vcpus, 0) || '}' ||
      CASE WHEN r.user_data <> '' THEN ',"user_data":' || to_json(r.user_data)::text ELSE '' END AS shape
    FROM (SELECT) AS one LEFT JOIN version_roles r ON r.version_id = v.id AND r.role = 'head'
    LEFT JOIN same ON same.version_id = r.version_id AND same.role = r.role LEFT JOIN images i ON i.id = coalesce(r.image_id, same.id)) AS h
  CROSS JOIN LATERAL (
    SELECT gate.json || ',"image":{"digest":' || to_json(coalesce(i.guest_digest, ''))::text || ',"name":' || to_json(coalesce(i.name, r.image_name, ''))::text || '}' AS body,
      '"shape":{"disk_gib":' || coalesce(r.disk_gib, 0) || ',"memory_mib":' || coalesce(r.memory_mib, 0) || ',"vcpus":' || coalesce(r.vcpus, 0) || '}' ||
      CASE WHEN r.user_data <> '' THEN ',"user_data":' || to_json(r.user_data)::text ELSE '' END AS shape
    FROM (SELECT) AS one LEFT JOIN version_roles r ON r.version_id = v.id AND r.role = 'compute'
    LEFT JOIN same ON same.version_id = r.version_id AND same.role = r.role LEFT JOIN images i ON i.id = coalesce(r.image_id, same.id)) AS c
) AS d WHERE d.id = v.id;
ALTER TABLE model_versions
  ALTER COLUMN document SET NOT NULL,
  ALTER COLUMN document_digest SET NOT NULL,
  ADD CONSTRAINT model_versions_document_size CHECK (octet_length(document) <= 1 << 20),
  ADD CONSTRAINT model_versions_document_digest CHECK (document_digest = encode(sha256(convert_to(document, 'UTF8')), 'hex'));

-- What is left of roles is a projection of the document, written with it: foreign keys need the images, lists how many nodes there may
-- be, and the start of a node how long its gate may take. Everything else of a group is in the document alone.
ALTER TABLE version_roles RENAME COLUMN role TO group_name;
ALTER TABLE version_roles DROP CONSTRAINT version_roles_role_check;
ALTER TABLE version_roles
  ADD COLUMN position int, -- of the group in the document: 0 is the head, 1 the first of compute
  ADD COLUMN least int,    -- how many nodes it may have; the head's are 1 and 1
  ADD COLUMN most int,
  ADD COLUMN gate_timeout_seconds int;
UPDATE version_roles r SET gate_timeout_seconds = v.gate_timeout_seconds,
  position = CASE WHEN r.group_name = 'head' THEN 0 ELSE 1 END,
  least = CASE WHEN r.group_name = 'head' THEN 1 ELSE v.compute_min END,
  most = CASE WHEN r.group_name = 'head' THEN 1 ELSE v.compute_max END
FROM model_versions v WHERE v.id = r.version_id;
ALTER TABLE version_roles
  ALTER COLUMN position SET NOT NULL,
  ALTER COLUMN least SET NOT NULL,
  ALTER COLUMN most SET NOT NULL,
  ALTER COLUMN gate_timeout_seconds SET NOT NULL,
  ADD UNIQUE (version_id, position),
  ADD CHECK (position >= 0 AND (position = 0) = (group_name = 'head')),
  ADD CHECK (group_name ~ '^[a-z][a-z0-9-]{0,30}$'),
  ADD CHECK (least >= 0 AND most BETWEEN least AND 1000),
  ADD CHECK (gate_timeout_seconds BETWEEN 10 AND 3600),
  DROP COLUMN vcpus, DROP COLUMN memory_mib, DROP COLUMN disk_gib, DROP COLUMN user_data;
ALTER TABLE model_versions
  DROP COLUMN compute_min, DROP COLUMN compute_max, DROP COLUMN gate_kind, DROP COLUMN gate_text, DROP COLUMN gate_timeout_seconds,
  DROP COLUMN sign_in_user;
ALTER TABLE model_versions ENABLE TRIGGER published_version;
ALTER TABLE version_roles ENABLE TRIGGER published_roles;

-- The group of its version's document that a node is of.
ALTER TABLE nodes ADD COLUMN group_name text;
UPDATE nodes SET group_name = role;
ALTER TABLE nodes
  ALTER COLUMN group_name SET NOT NULL,
  ADD CONSTRAINT nodes_group_name_check CHECK ((role = 'head') = (group_name = 'head'));

-- What a cluster was launched from, and a test was of: bills and certificates are bound to it.
ALTER TABLE clusters ADD COLUMN document_digest text;
UPDATE clusters c SET document_digest = v.document_digest FROM model_versions v WHERE v.id = c.version_id;
ALTER TABLE clusters ALTER COLUMN document_digest SET NOT NULL, ADD CHECK (document_digest ~ '^[0-9a-f]{64}$');
ALTER TABLE acceptance_tests ADD COLUMN document_digest text;
UPDATE acceptance_tests t SET document_digest = v.document_digest FROM model_versions v WHERE v.id = t.version_id;
ALTER TABLE acceptance_tests ALTER COLUMN document_digest SET NOT NULL, ADD CHECK (document_digest ~ '^[0-9a-f]{64}$');
