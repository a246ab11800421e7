-- +goose Up
-- What gives lasting power asks for a password that was proven a while ago: when it was, the session keeps.

ALTER TABLE sessions ADD COLUMN proven_at timestamptz NOT NULL DEFAULT now();
UPDATE sessions SET proven_at = created_at;

-- Warnings of keys, roles, hosts and places are counted by person; sign-ins are listed by person.
CREATE INDEX mails_to_address_created_at_idx ON mails (to_address, created_at);
CREATE INDEX audit_person_id_sign_in_at_idx ON audit (person_id, at DESC) WHERE verb IN ('sign in', 'fail sign-in');
