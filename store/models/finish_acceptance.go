package models

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
)

// FinishAcceptanceTest ends a test and asks for its cluster to be deleted. A test that has ended stays as it is.
func (db *DB) FinishAcceptanceTest(ctx context.Context, id uuid.UUID, passed bool, r provisioner.Report) error {
	state := TestFailed
	if passed {
		state = TestPassed
	}
	return db.core.Tx(ctx, func(tx pgx.Tx) error { return db.FinishTest(ctx, tx, id, state, r) })
}
