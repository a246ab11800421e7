package people

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
)

// MaxSSHKeys is how many keys a person may have. A seed carries those of all members.
const MaxSSHKeys = 20

// mostPasted is how many bytes of a key are read.
const mostPasted = 8192

// AddSSHKey keeps a public key as it was pasted (typed.ParseSSHKey), in authorized_keys form; an empty name takes the key's comment. Refusals: "invalid" for
// public_key or name (a private key is named as such), "duplicate",
// "ssh_keys" for the key after MaxSSHKeys.
func (db *DB) AddSSHKey(ctx context.Context, personID uuid.UUID, name, line string) (uuid.UUID, error) {
	k, err := parseSSHKey(strings.TrimSpace(name), strings.TrimSpace(line))
	if err != nil {
		return uuid.Nil, err
	}
	if k.ID, err = store.NewID(); err != nil {
		return uuid.Nil, err
	}
	return k.ID, db.core.Tx(ctx, func(tx pgx.Tx) error {
		// The person's row serialises its keys, so that two at once are not both the last one allowed.
		if _, err := tx.Exec(ctx, `SELECT FROM people WHERE id = $1 FOR NO KEY UPDATE`, personID); err != nil {
			return fmt.Errorf("add SSH key: %w", err)
		}
		var have int
		err := tx.QueryRow(ctx, `SELECT count(*) FROM ssh_keys WHERE person_id = $1 AND fingerprint <> $2`, personID, k.Fingerprint).Scan(&have)
		if err != nil {
			return fmt.Errorf("count SSH keys: %w", err)
		}
		if have >= MaxSSHKeys {
			title := fmt.Sprintf("You have %d SSH keys, and %d are the most.", have, MaxSSHKeys)
			return &refusal.Error{
				Code: "ssh_keys", Title: title, Next: "Delete one that you do not use any more, then add this one.",
				Fields: map[string]string{"public_key": title},
			}
		}
		_, err = tx.Exec(ctx, `
			INSERT INTO ssh_keys (id, person_id, name, public_key, fingerprint, created_at)
			VALUES ($1, $2, $3, $4, $5, now())`, k.ID, personID, k.Name, k.PublicKey, k.Fingerprint)
		if store.UniqueViolation(err, "ssh_keys_person_id_fingerprint_key") {
			return &refusal.Error{
				Code: "duplicate", Title: "You have this key already: " + k.Fingerprint + ".", Next: "Nothing is to be done.",
				Fields: map[string]string{"public_key": "You have this key already."},
			}
		}
		if store.ForeignKeyViolation(err) {
			return refusal.NotFound("person")
		}
		if err != nil {
			return fmt.Errorf("add SSH key: %w", err)
		}
		err = db.core.Warn(ctx, tx, []uuid.UUID{personID}, store.MailKeyAdded, map[string]string{"key": k.Name, "fingerprint": k.Fingerprint, "path": "/account/ssh-keys"})
		if err != nil {
			return err
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: personID, Verb: "add SSH key", Subject: "ssh_key", SubjectID: k.ID})
	})
}

// parseSSHKey reads a key as it was pasted. An empty name takes the key's comment, else its kind.
func parseSSHKey(name, pasted string) (SSHKey, error) {
	f := store.Fields{}
	if len(pasted) > mostPasted {
		f.Add("public_key", "Give one line of at most %d characters, as in id_ed25519.pub.", mostPasted)
		return SSHKey{}, f.Refusal()
	}
	key, err := typed.ParseSSHKey(pasted)
	if err != nil {
		f.Add("public_key", "%s.", err)
		return SSHKey{}, f.Refusal()
	}
	if name == "" {
		if name, err = typed.ParseName(key.Comment); err != nil {
			name = key.Type
		}
	}
	f.Name("name", &name, 1, 80)
	return SSHKey{Name: name, PublicKey: key.Line, Fingerprint: key.Fingerprint}, f.Refusal()
}
