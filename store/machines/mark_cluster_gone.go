package machines

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
)

// MarkClusterGone writes down that nothing of the cluster is left on any host: nodes gone, which keep the digests of their images
// alone, VNI and subnet free, its secret forgotten, final settlement, hold released. Marking it twice is no error; one that is not to be gone is a defect of the caller.
func (db *DB) MarkClusterGone(ctx context.Context, id uuid.UUID) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		c, err := lockCluster(ctx, tx, id)
		if err != nil || c.EndedAt != nil {
			return err
		}
		if c.Desired != provisioner.DesiredGone {
			return fmt.Errorf("mark cluster %s gone: it is to be %s", id, c.Desired)
		}
		if _, err := tx.Exec(ctx, `
			UPDATE nodes SET state = 'gone', image_id = NULL, reason = $2, state_at = now() WHERE cluster_id = $1 AND state <> 'gone'`, id, c.Reason); err != nil {
			return fmt.Errorf("mark nodes of cluster %s gone: %w", id, err)
		}
		if _, err := tx.Exec(ctx, `UPDATE clusters SET vni = NULL, subnet = NULL, seed_secret = '', ended_at = now() WHERE id = $1`, id); err != nil {
			return fmt.Errorf("mark cluster %s gone: %w", id, err)
		}
		return db.settleEnd(ctx, tx, c, c.Reason)
	})
}
