-- +goose Up
-- A console ends with the right to see it: a ticket is for one node, one session and one part of the console, and what
-- ends a right is told at once.

DELETE FROM console_tickets; -- they are good for thirty seconds
ALTER TABLE console_tickets
  ADD COLUMN session_id uuid NOT NULL, -- of sessions, whose rows go
  ADD COLUMN staff boolean NOT NULL,   -- of a provider's staff, under the organization's consent
  ADD COLUMN part text NOT NULL CHECK (part IN ('log', 'line'));

-- Whose rights may have ended: a person's id, or nothing for anybody's. Who listens looks again; it is never said what
-- changed.
-- +goose StatementBegin
CREATE FUNCTION notify_rights() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM pg_notify('volary_rights', CASE TG_TABLE_NAME WHEN 'people' THEN to_jsonb(OLD) ->> 'id' WHEN 'console_consents' THEN ''
                                     ELSE to_jsonb(OLD) ->> 'person_id' END);
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER rights_ended AFTER DELETE OR UPDATE OF organization_id, provider_id, expires_at ON sessions FOR EACH ROW EXECUTE FUNCTION notify_rights();
CREATE TRIGGER rights_ended AFTER DELETE OR UPDATE OF role ON memberships FOR EACH ROW EXECUTE FUNCTION notify_rights();
CREATE TRIGGER rights_ended AFTER DELETE OR UPDATE OF role ON staff FOR EACH ROW EXECUTE FUNCTION notify_rights();
CREATE TRIGGER rights_ended AFTER UPDATE OF suspended_at, platform_admin ON people FOR EACH ROW EXECUTE FUNCTION notify_rights();
CREATE TRIGGER rights_ended AFTER UPDATE OF revoked_at, until_at ON console_consents FOR EACH ROW EXECUTE FUNCTION notify_rights();
