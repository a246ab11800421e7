package people

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// CreateOrganization adds an organization. Refusals: "invalid" for name, "duplicate".
func (db *DB) CreateOrganization(ctx context.Context, by uuid.UUID, name string) (uuid.UUID, error) {
	f := store.Fields{}
	f.Name("name", &name, 2, 80)
	if err := f.Refusal(); err != nil {
		return uuid.Nil, err
	}
	id, err := store.NewID()
	if err != nil {
		return uuid.Nil, err
	}
	return id, db.core.Tx(ctx, func(tx pgx.Tx) error {
		return insertOrganization(ctx, tx, by, id, name, "name")
	})
}
