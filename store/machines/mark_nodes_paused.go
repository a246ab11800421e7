package machines

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
)

// MarkNodesPaused writes down which nodes of a cluster that is to be paused stand, and ends all its runs where they were
// last proven; what was set aside for it stays. Where generation is not the present one it does nothing.
func (db *DB) MarkNodesPaused(ctx context.Context, id uuid.UUID, generation int64, nodes []uuid.UUID) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		c, err := lockCluster(ctx, tx, id)
		if err != nil || c.Generation != generation || c.Desired != provisioner.DesiredPaused {
			return err
		}
		_, err = tx.Exec(ctx, `
			UPDATE nodes SET state = 'paused', reason = $3, reason_detail = '', state_at = clock_timestamp()
			WHERE cluster_id = $1 AND id = ANY ($2) AND state = 'pausing'`, id, nodes, provisioner.ReasonPaused)
		if err != nil {
			return fmt.Errorf("mark nodes of cluster %s paused: %w", id, err)
		}
		return db.books.EndRuns(ctx, tx, id, nil, string(provisioner.ReasonPaused))
	})
}
