package machines

import (
	"context"

	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
)

// settleEnd ends what is open of the cluster's runs at their last proof of life and gives the rest of the hold back.
func (db *DB) settleEnd(ctx context.Context, tx pgx.Tx, c lockedCluster, reason provisioner.Reason) error {
	if reason == provisioner.ReasonNone {
		reason = provisioner.ReasonAsked
	}
	if err := db.books.EndRuns(ctx, tx, c.ID, nil, string(reason)); err != nil {
		return err
	}
	return db.books.Release(ctx, tx, c.ID, c.Now)
}
