-- +goose Up
-- Names of before are brought to NFC, as 00036 did with those of people, organizations, providers and pools. One whose twin is
-- there in another spelling stays as it is, wherever two of a name may not be. What is under a hash (invoices, the ledger, the
-- log, reports and what they describe) keeps the spelling that it was made with.
UPDATE shapes s SET name = normalize(name, NFC) WHERE name IS NOT NFC NORMALIZED
  AND NOT EXISTS (SELECT FROM shapes x WHERE x.id <> s.id AND x.provider_id = s.provider_id AND normalize(x.name, NFC) = normalize(s.name, NFC));
UPDATE offers o SET name = normalize(name, NFC) WHERE name IS NOT NFC NORMALIZED
  AND NOT EXISTS (SELECT FROM offers x WHERE x.id <> o.id AND x.provider_id = o.provider_id AND normalize(x.name, NFC) = normalize(o.name, NFC));
UPDATE model_clusters m SET name = normalize(name, NFC) WHERE name IS NOT NFC NORMALIZED
  AND NOT EXISTS (SELECT FROM model_clusters x WHERE x.id <> m.id AND x.organization_id = m.organization_id AND normalize(x.name, NFC) = normalize(m.name, NFC));
UPDATE images SET name = normalize(name, NFC) WHERE name IS NOT NFC NORMALIZED;
UPDATE uploads SET filename = normalize(filename, NFC) WHERE filename IS NOT NFC NORMALIZED;
UPDATE ssh_keys SET name = normalize(name, NFC) WHERE name IS NOT NFC NORMALIZED;
UPDATE sign_ups SET name = normalize(name, NFC) WHERE name IS NOT NFC NORMALIZED;
