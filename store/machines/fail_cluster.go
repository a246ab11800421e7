package machines

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/store"
)

// FailCluster ends a start that did not succeed; nothing is charged, the hold is released. After a launch everything is
// to be deleted; a cluster that was started again keeps its disks and is to be stopped. Where generation is not the
// present one it does nothing.
func (db *DB) FailCluster(ctx context.Context, id uuid.UUID, generation int64, reason provisioner.Reason, detail string) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		c, err := lockCluster(ctx, tx, id)
		if err != nil || c.Generation != generation || c.Desired != provisioner.DesiredRunning {
			return err
		}
		_, err = tx.Exec(ctx, `
			UPDATE nodes SET state = 'failed', reason = $2, reason_detail = $3, state_at = now()
			WHERE cluster_id = $1 AND state IN ('reserved', 'starting')`, id, reason, detail)
		if err != nil {
			return fmt.Errorf("fail nodes of cluster %s: %w", id, err)
		}
		want := provisioner.DesiredGone
		if c.StartCount > 1 {
			want = provisioner.DesiredStopped
		}
		if err := c.want(ctx, tx, want, reason, detail); err != nil {
			return err
		}
		if err := db.settleEnd(ctx, tx, c, reason); err != nil {
			return err
		}
		if err := db.tellFailed(ctx, tx, c, want, reason, detail); err != nil {
			return err
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{
			Organization: c.OrganizationID, Provider: c.ProviderID, Verb: "fail cluster", Subject: "cluster", SubjectID: id,
			Detail: map[string]any{"reason": reason, "detail": detail},
		})
	})
}
