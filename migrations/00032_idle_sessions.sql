-- +goose Up
-- A session ends after a time without use, too: expires_at is its effective end, which each use moves on, and which never
-- lies later than seven days after its begin. Those that are open have twelve hours from now to be used.

DROP TRIGGER rights_ended ON sessions;
UPDATE sessions SET expires_at = least(expires_at, created_at + interval '168 hours', now() + interval '12 hours');
ALTER TABLE sessions ADD CONSTRAINT sessions_absolute_end CHECK (expires_at <= created_at + interval '168 hours');
-- Use moves the end on every minute, which ends no right.
CREATE TRIGGER rights_ended AFTER DELETE OR UPDATE OF organization_id, provider_id ON sessions FOR EACH ROW EXECUTE FUNCTION notify_rights();
CREATE TRIGGER rights_end_sooner AFTER UPDATE OF expires_at ON sessions FOR EACH ROW WHEN (NEW.expires_at < OLD.expires_at) EXECUTE FUNCTION notify_rights();
