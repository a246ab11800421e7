-- +goose Up
-- A host is enrolled by a code that its own hook reports, before anything is made on it. What is known of the machine since
-- then (its libvirt's UUID, and the key that its hook keeps) is asked for whenever it is reached.

ALTER TABLE hosts
  ADD COLUMN enrolled_at timestamptz,                     -- null: nothing may be made on it
  ADD COLUMN enrol_code text,                             -- that its hook has to report; null: none is waited for
  ADD COLUMN enrol_until timestamptz,
  ADD COLUMN enrol_seen text NOT NULL DEFAULT '',         -- what was seen in the code's place when it was last asked
  ADD COLUMN machine_key uuid,                            -- that its hook keeps; null: it had an older one
  ADD COLUMN mistaken text NOT NULL DEFAULT '',           -- why what answers there is not taken for it; '': it is
  ADD COLUMN twin_of uuid REFERENCES hosts,               -- the host that reported this one's key before
  ADD CHECK ((enrol_code IS NULL) = (enrol_until IS NULL)),
  DROP CONSTRAINT hosts_check_state_check,
  ADD CONSTRAINT hosts_check_state_check CHECK (check_state IN ('none', 'waiting', 'running', 'passed', 'failed'));

-- Hosts that passed a check stay what they are: their keys are kept when they first report one. Others need a code.
UPDATE hosts SET enrolled_at = coalesce(checked_at, now()) WHERE acceleration IS NOT NULL;
UPDATE hosts SET check_state = 'none' WHERE enrolled_at IS NULL AND check_state = 'running';

CREATE UNIQUE INDEX hosts_machine_key_key ON hosts (machine_key) WHERE removed_at IS NULL;
CREATE INDEX ON hosts (twin_of) WHERE twin_of IS NOT NULL AND removed_at IS NULL;

-- Whose machine an address leads to its hook says: who adds another's address keeps nobody from adding it.
DROP INDEX hosts_scheme_address_port_key;
CREATE UNIQUE INDEX hosts_scheme_address_port_key ON hosts (provider_id, scheme, address, port) WHERE removed_at IS NULL;

-- One address has one spelling. Where two hosts would have the same, both keep theirs: which of them is right their keys tell.
UPDATE hosts h SET address = n.address, port = n.port
FROM (SELECT id, scheme,
    CASE WHEN address ~ '^[0-9a-fA-F:.]*:[0-9a-fA-F:.]*$' THEN host(address::inet) ELSE rtrim(lower(address), '.') END AS address,
    CASE WHEN (scheme, port) IN (('tls', 16514), ('ssh', 22), ('tcp', 16509)) THEN 0 ELSE port END AS port
  FROM hosts WHERE removed_at IS NULL) n
WHERE h.id = n.id AND (h.address, h.port) IS DISTINCT FROM (n.address, n.port) AND NOT EXISTS (
  SELECT FROM hosts o WHERE o.id <> h.id AND o.removed_at IS NULL AND o.provider_id = h.provider_id AND o.scheme = h.scheme
    AND (CASE WHEN o.address ~ '^[0-9a-fA-F:.]*:[0-9a-fA-F:.]*$' THEN host(o.address::inet) ELSE rtrim(lower(o.address), '.') END,
         CASE WHEN (o.scheme, o.port) IN (('tls', 16514), ('ssh', 22), ('tcp', 16509)) THEN 0 ELSE o.port END) = (n.address, n.port));

ALTER TABLE hosts DROP COLUMN fit;
ALTER TABLE hosts ADD COLUMN fit boolean NOT NULL GENERATED ALWAYS AS
  (checked AND enrolled_at IS NOT NULL AND mistaken = '' AND lacks = '' AND missed_rounds <= 2 AND removed_at IS NULL) STORED;

DROP TRIGGER hosts_changed ON hosts;
CREATE TRIGGER hosts_changed AFTER UPDATE ON hosts FOR EACH ROW
  WHEN ((OLD.state, OLD.state_reason, OLD.seen, OLD.lacks, OLD.mistaken, OLD.enrol_seen, OLD.enrol_code, OLD.enrolled_at, OLD.check_state, OLD.check_report, OLD.vcpus, OLD.memory_mib, OLD.removed_at)
    IS DISTINCT FROM (NEW.state, NEW.state_reason, NEW.seen, NEW.lacks, NEW.mistaken, NEW.enrol_seen, NEW.enrol_code, NEW.enrolled_at, NEW.check_state, NEW.check_report, NEW.vcpus, NEW.memory_mib, NEW.removed_at))
  EXECUTE FUNCTION notify_change('host');

-- What was found between two hosts of a pool when a packet was sent over a test overlay, the last time. The lesser id comes first.
CREATE TABLE host_pairs (
  first_id uuid NOT NULL REFERENCES hosts,
  second_id uuid NOT NULL REFERENCES hosts,
  passed boolean NOT NULL,
  detail text NOT NULL,
  at timestamptz NOT NULL,
  PRIMARY KEY (first_id, second_id),
  CHECK (first_id < second_id)
);
CREATE INDEX ON host_pairs (second_id);
