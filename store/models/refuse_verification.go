package models

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store/people"
)

// RefuseVerification refuses ("suspended") that the check of an upload of an organization begins. One that has begun goes on to its verdict.
func (db *DB) RefuseVerification(ctx context.Context, orgID uuid.UUID) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error { return people.RefuseShutOut(ctx, tx, orgID) })
}
