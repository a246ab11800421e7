package store

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// SSHKey is a public key that opens the nodes of clusters started from now on.
type SSHKey struct {
	ID          uuid.UUID
	Name        string
	PublicKey   string // authorized_keys form, one line
	Fingerprint string // SHA256:…
	CreatedAt   time.Time
}

// AddSSHKey keeps a public key in authorized_keys form. Refusals: "invalid" for field "key" or "name" (a private
// key is named as such), "duplicate".
func (db *DB) AddSSHKey(ctx context.Context, personID uuid.UUID, name, line string) (uuid.UUID, error) {
	return uuid.Nil, errUnwritten
}

// SSHKeys lists a person's keys, the newest first.
func (db *DB) SSHKeys(ctx context.Context, personID uuid.UUID) ([]SSHKey, error) {
	return nil, errUnwritten
}

// DeleteSSHKey removes a key from the person; running nodes keep what they were given.
func (db *DB) DeleteSSHKey(ctx context.Context, personID, id uuid.UUID) error { return errUnwritten }
