package machines

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// WithdrawRequest takes a person's own request back. Refusals: "decided", NotFound also for another person's.
func (db *DB) WithdrawRequest(ctx context.Context, orgID, by, id uuid.UUID) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		var own bool
		err := tx.QueryRow(ctx, `SELECT person_id = $3 FROM launch_requests WHERE id = $1 AND organization_id = $2`, id, orgID, by).Scan(&own)
		if err != nil || !own {
			return store.Found(orNoRow(err), "request")
		}
		r, err := lockRequest(ctx, tx, orgID, id)
		if err != nil {
			return err
		}
		return db.decide(ctx, tx, r, decision{State: "withdrawn", By: by})
	})
}

// orNoRow makes a row that is not for the reader one that is not there.
func orNoRow(err error) error {
	if err == nil {
		return pgx.ErrNoRows
	}
	return err
}
