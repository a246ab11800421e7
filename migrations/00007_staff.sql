-- +goose Up
-- What a provider's staff and the platform do in a browser.

-- Nodes of long ago name their hosts, so that a removed host stays as a row. What has to be unique is so among the others.
ALTER TABLE hosts
  ADD COLUMN removed_at timestamptz,
  DROP CONSTRAINT hosts_pool_id_name_key,
  DROP CONSTRAINT hosts_scheme_address_port_key,
  DROP CONSTRAINT hosts_machine_key;
CREATE UNIQUE INDEX hosts_pool_id_name_key ON hosts (pool_id, name) WHERE removed_at IS NULL;
CREATE UNIQUE INDEX hosts_scheme_address_port_key ON hosts (scheme, address, port) WHERE removed_at IS NULL;
CREATE UNIQUE INDEX hosts_machine_key ON hosts (machine) WHERE removed_at IS NULL;
CREATE INDEX ON hosts (provider_id) WHERE removed_at IS NULL;

ALTER TABLE shapes ADD COLUMN retired_at timestamptz; -- no longer offered; nodes keep what they were launched with

-- Changes also tell the provider's staff. A trigger may name the kind of what it watches.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION notify_change() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  changed jsonb := to_jsonb(NEW);
BEGIN
  PERFORM pg_notify('volary_changes', json_build_object(
    'organization', changed ->> 'organization_id', 'provider', changed ->> 'provider_id',
    'kind', CASE WHEN TG_NARGS > 0 THEN TG_ARGV[0] WHEN TG_TABLE_NAME = 'images' THEN 'image'
                 WHEN TG_TABLE_NAME = 'acceptance_tests' THEN 'test' ELSE 'cluster' END,
    'id', CASE TG_TABLE_NAME WHEN 'nodes' THEN changed ->> 'cluster_id' ELSE changed ->> 'id' END)::text);
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER clusters_made AFTER INSERT ON clusters FOR EACH ROW EXECUTE FUNCTION notify_change();
CREATE TRIGGER hosts_made AFTER INSERT ON hosts FOR EACH ROW EXECUTE FUNCTION notify_change('host');
CREATE TRIGGER hosts_changed AFTER UPDATE ON hosts FOR EACH ROW
  WHEN ((OLD.state, OLD.state_reason, OLD.check_state, OLD.check_report, OLD.vcpus, OLD.memory_mib, OLD.removed_at)
    IS DISTINCT FROM (NEW.state, NEW.state_reason, NEW.check_state, NEW.check_report, NEW.vcpus, NEW.memory_mib, NEW.removed_at))
  EXECUTE FUNCTION notify_change('host');
