package store

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/crypto/ssh"
	"volary.dev/provisioner"
)

// SSHKey is a public key that opens the nodes of clusters started from now on.
type SSHKey struct {
	ID          uuid.UUID
	Name        string
	PublicKey   string // authorized_keys form, one line
	Fingerprint string // SHA256:…
	CreatedAt   time.Time
}

// MaxSSHKeys is how many keys a person may have. A seed carries those of all members.
const MaxSSHKeys = 20

// AddSSHKey keeps a public key in authorized_keys form; an empty name takes the key's comment. Refusals: "invalid" for
// public_key or name (a private key is named as such), "duplicate",
// "ssh_keys" for the key after MaxSSHKeys.
func (db *DB) AddSSHKey(ctx context.Context, personID uuid.UUID, name, line string) (uuid.UUID, error) {
	k, err := parseSSHKey(strings.TrimSpace(name), strings.TrimSpace(line))
	if err != nil {
		return uuid.Nil, err
	}
	if k.ID, err = newID(); err != nil {
		return uuid.Nil, err
	}
	return k.ID, db.tx(ctx, func(tx pgx.Tx) error {
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
			return &provisioner.Refusal{
				Code: "ssh_keys", Title: title, Next: "Delete one that you do not use any more, then add this one.",
				Fields: map[string]string{"public_key": title},
			}
		}
		_, err = tx.Exec(ctx, `
			INSERT INTO ssh_keys (id, person_id, name, public_key, fingerprint, created_at)
			VALUES ($1, $2, $3, $4, $5, now())`, k.ID, personID, k.Name, k.PublicKey, k.Fingerprint)
		if uniqueViolation(err, "ssh_keys_person_id_fingerprint_key") {
			return &provisioner.Refusal{
				Code: "duplicate", Title: "You have this key already: " + k.Fingerprint + ".", Next: "Nothing is to be done.",
				Fields: map[string]string{"public_key": "You have this key already."},
			}
		}
		if foreignKeyViolation(err) {
			return provisioner.NotFound("person")
		}
		if err != nil {
			return fmt.Errorf("add SSH key: %w", err)
		}
		return writeAudit(ctx, tx, auditRow{By: personID, Verb: "add SSH key", Subject: "ssh_key", SubjectID: k.ID})
	})
}

// parseSSHKey reads one authorized_keys line. Options (command=, from=) are refused: they would be the guest's law.
func parseSSHKey(name, line string) (SSHKey, error) {
	f := fields{}
	if strings.Contains(line, "PRIVATE KEY") {
		f.add("public_key", "This is a private key: keep it to yourself and give the line of its .pub file.")
		return SSHKey{}, f.refusal()
	}
	if len(line) > 8192 || strings.ContainsAny(line, "\r\n") {
		f.add("public_key", "Give one line of at most 8192 characters, as in id_ed25519.pub.")
		return SSHKey{}, f.refusal()
	}
	key, comment, options, _, err := ssh.ParseAuthorizedKey([]byte(line))
	if err != nil || len(options) > 0 {
		f.add("public_key", "This is no public key: give the line of a .pub file, such as ssh-ed25519 AAAA… you@laptop.")
		return SSHKey{}, f.refusal()
	}
	if name == "" {
		name = comment
	}
	if name == "" {
		name = key.Type()
	}
	f.length("name", name, 1, 80)
	f.check(!strings.ContainsFunc(line, isControl), "public_key", "Leave out control characters.")
	return SSHKey{Name: name, PublicKey: line, Fingerprint: ssh.FingerprintSHA256(key)}, f.refusal()
}

// SSHKeyFilter narrows and orders a person's keys: by "name" or "created".
type SSHKeyFilter struct {
	Search string // in name and fingerprint
	Sorting
	Page
}

// SSHKeys lists a person's keys, the newest first, and how many the filter leaves.
func (db *DB) SSHKeys(ctx context.Context, personID uuid.UUID, f SSHKeyFilter) (list []SSHKey, total int, err error) {
	const where = ` FROM ssh_keys WHERE person_id = $1 AND (name ILIKE $2 OR fingerprint ILIKE $2)`
	if total, err = db.count(ctx, `SELECT count(*)`+where, personID, like(f.Search)); err != nil {
		return nil, 0, err
	}
	order := sortable{"name": "lower(name)", "created": "created_at"}.orderBy(f.Sorting, "created_at DESC, id DESC")
	rows, _ := db.pool.Query(ctx, `SELECT id, name, public_key, fingerprint, created_at`+where+order+` LIMIT $3 OFFSET $4`,
		personID, like(f.Search), f.limit(), f.offset())
	list, err = all(rows, "SSH keys", pgx.RowToStructByName[SSHKey])
	return list, total, err
}

// DeleteSSHKey removes a key from the person; running nodes keep what they were given.
func (db *DB) DeleteSSHKey(ctx context.Context, personID, id uuid.UUID) error {
	return db.tx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `DELETE FROM ssh_keys WHERE id = $1 AND person_id = $2`, id, personID)
		if err != nil {
			return fmt.Errorf("delete SSH key: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return provisioner.NotFound("SSH key")
		}
		return writeAudit(ctx, tx, auditRow{By: personID, Verb: "delete SSH key", Subject: "ssh_key", SubjectID: id})
	})
}
