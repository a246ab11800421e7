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
