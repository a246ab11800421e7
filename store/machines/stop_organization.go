package machines

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/store"
)

// StopOrganization stops what a suspended organization runs, the way the end of a lease does, and says how many clusters.
func (db *DB) StopOrganization(ctx context.Context, tx pgx.Tx, orgID uuid.UUID, reason string) (int, error) {
	rows, _ := tx.Query(ctx, `SELECT id FROM clusters WHERE organization_id = $1 AND ended_at IS NULL AND desired = 'running' ORDER BY id`, orgID)
	ids, err := store.All(rows, "running clusters", pgx.RowTo[uuid.UUID])
	if err != nil {
		return 0, err
	}
	for _, id := range ids {
		c, err := lockCluster(ctx, tx, id)
		if err != nil {
			return 0, err
		}
		if c.Desired != provisioner.DesiredRunning {
			continue
		}
		want := provisioner.DesiredStopped
		if c.Kind == "test" {
			want = provisioner.DesiredGone
		}
		if err := c.want(ctx, tx, want, provisioner.ReasonSuspended, reason); err != nil {
			return 0, err
		}
		if err := db.tellEnded(ctx, tx, c, ending{Want: want, Reason: provisioner.ReasonSuspended, Detail: reason}); err != nil {
			return 0, err
		}
	}
	return len(ids), nil
}
