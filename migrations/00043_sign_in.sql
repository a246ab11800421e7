-- +goose Up
-- A version says as whom people sign in on its nodes; empty: whom the image makes, which a node's console says.
ALTER TABLE model_versions ADD COLUMN sign_in_user text NOT NULL DEFAULT '' CHECK (sign_in_user ~ '^([a-z_][a-z0-9_-]{0,31})?$');

-- What a node's console said of signing in (provisioner.SignIn), and in which start of its cluster it was all found. The words are the guest's.
ALTER TABLE nodes
  ADD COLUMN sign_in jsonb NOT NULL DEFAULT '{}' CHECK (octet_length(sign_in::text) <= 4000),
  ADD COLUMN sign_in_start int NOT NULL DEFAULT 0;

DROP TRIGGER nodes_changed ON nodes;
CREATE TRIGGER nodes_changed AFTER UPDATE OF state, reason, sign_in ON nodes
  FOR EACH ROW WHEN (OLD.state IS DISTINCT FROM NEW.state OR OLD.reason IS DISTINCT FROM NEW.reason OR OLD.sign_in IS DISTINCT FROM NEW.sign_in)
  EXECUTE FUNCTION notify_change();
