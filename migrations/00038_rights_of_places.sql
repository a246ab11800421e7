-- +goose Up
-- A place's suspension ends what its people may: who listens looks again, whoever they are.

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION notify_rights() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('volary_rights', CASE WHEN TG_TABLE_NAME = 'people' THEN to_jsonb(OLD) ->> 'id'
                                     WHEN TG_TABLE_NAME IN ('console_consents', 'organizations', 'providers') THEN ''
                                     ELSE to_jsonb(OLD) ->> 'person_id' END);
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER rights_ended AFTER UPDATE OF suspended_at ON organizations FOR EACH ROW EXECUTE FUNCTION notify_rights();
CREATE TRIGGER rights_ended AFTER UPDATE OF state ON providers FOR EACH ROW EXECUTE FUNCTION notify_rights();

-- A cap outlives a membership: who leaves and is invited again has it again, until who sets caps takes it away.
CREATE TABLE left_caps (
  organization_id uuid NOT NULL REFERENCES organizations (id),
  person_id uuid NOT NULL REFERENCES people (id),
  cap bigint NOT NULL CHECK (cap >= 0),
  cap_since timestamptz NOT NULL,
  PRIMARY KEY (organization_id, person_id)
);
