package machines

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
)

// MarkNodesStopped writes down that every machine of the cluster that is to be stopped is off: runs end, use is settled, the rest of the hold
// is released. It returns false where generation is not the present one.
func (db *DB) MarkNodesStopped(ctx context.Context, id uuid.UUID, generation int64) (marked bool, err error) {
	err = db.core.Tx(ctx, func(tx pgx.Tx) error {
		marked = false
		c, err := lockCluster(ctx, tx, id)
		if err != nil || c.Generation != generation || c.Desired != provisioner.DesiredStopped {
			return err
		}
		_, err = tx.Exec(ctx, `
			UPDATE nodes SET state = 'stopped', reason = $2, state_at = now() WHERE cluster_id = $1 AND desired = 'stopped' AND state NOT IN ('stopped', 'gone')`,
			id, c.Reason)
		if err != nil {
			return fmt.Errorf("mark nodes of cluster %s stopped: %w", id, err)
		}
		marked = true
		return db.settleEnd(ctx, tx, c, c.Reason)
	})
	return marked, err
}
