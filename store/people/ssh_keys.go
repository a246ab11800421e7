package people

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// SSHKey is a public key that opens the nodes of clusters started from now on, and the person's logins on those that run.
type SSHKey struct {
	ID          uuid.UUID
	Name        string
	PublicKey   string // authorized_keys form, one line
	Fingerprint string // SHA256:…
	CreatedAt   time.Time
}

// SSHKeyFilter narrows and orders a person's keys: by "name" or "created".
type SSHKeyFilter struct {
	Search string // in name and fingerprint
	store.Sorting
	store.Page
}

// SSHKeys lists a person's keys, the newest first, and how many the filter leaves.
func (db *DB) SSHKeys(ctx context.Context, personID uuid.UUID, f SSHKeyFilter) (list []SSHKey, total int, err error) {
	const where = ` FROM ssh_keys WHERE person_id = $1 AND (name ILIKE $2 OR fingerprint ILIKE $2)`
	if total, err = db.core.Count(ctx, `SELECT count(*)`+where, personID, store.Like(f.Search)); err != nil {
		return nil, 0, err
	}
	order := store.Sortable{"name": "lower(name)", "created": "created_at"}.OrderBy(f.Sorting, "created_at DESC, id DESC")
	rows, _ := db.pool.Query(ctx, `SELECT id, name, public_key, fingerprint, created_at`+where+order+` LIMIT $3 OFFSET $4`,
		personID, store.Like(f.Search), f.Most(), f.Skip())
	list, err = store.All(rows, "SSH keys", pgx.RowToStructByName[SSHKey])
	return list, total, err
}
