package machines

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/store"
)

// FailBatch undoes a batch that cannot become ready: nothing of it is charged, and its hold goes back whole. Its nodes are to
// go; those that had been stopped before keep their disks and are to be stopped. Nodes of other batches stay as they are, with
// their runs and holds. Where there are none, the cluster ends with it. Where generation is not the present one, or the batch
// is not on its way up, it does nothing.
func (db *DB) FailBatch(ctx context.Context, clusterID uuid.UUID, generation int64, batchID uuid.UUID, reason provisioner.Reason, detail string) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		c, err := lockCluster(ctx, tx, clusterID)
		if err != nil || c.Generation != generation || c.Desired != provisioner.DesiredRunning {
			return err
		}
		b, err := readBatch(ctx, tx, clusterID, batchID)
		if err != nil || !b.pending() {
			return err
		}
		_, err = tx.Exec(ctx, `
			UPDATE nodes SET state = 'failed', reason = $2, reason_detail = $3, state_at = now()
			WHERE batch_id = $1 AND state IN ('reserved', 'starting')`, batchID, reason, detail)
		if err != nil {
			return fmt.Errorf("fail nodes of batch %s: %w", batchID, err)
		}
		if b.Others {
			return db.undoBatch(ctx, tx, c, b, reason, detail)
		}
		want := b.Kind.FailsTo()
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
			Organization: c.OrganizationID, Provider: c.ProviderID, Verb: "fail cluster", Subject: "cluster", SubjectID: clusterID,
			Detail: map[string]any{"reason": reason, "detail": detail},
		})
	})
}

// undoBatch ends a batch beside others of its cluster.
func (db *DB) undoBatch(ctx context.Context, tx pgx.Tx, c lockedCluster, b batchRow, reason provisioner.Reason, detail string) error {
	batch := &pgx.Batch{}
	batch.Queue(`UPDATE nodes SET desired = $2 WHERE batch_id = $1 AND state <> 'gone' AND desired <> 'gone'`, b.ID, b.Kind.FailsTo())
	batch.Queue(`UPDATE batches SET ended_at = now(), reason = $2, reason_detail = $3, held = 0 WHERE id = $1`, b.ID, reason, detail)
	batch.Queue(`UPDATE clusters SET generation = generation + 1, retry_at = NULL, attempts = 0 WHERE id = $1`, c.ID)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("undo batch %s: %w", b.ID, err)
	}
	if err := db.books.ReleasePart(ctx, tx, c.ID, b.Held, c.Now); err != nil {
		return err
	}
	if b.Kind == provisioner.BatchScale {
		if err := db.tellNotGrown(ctx, tx, c, b, reason, detail); err != nil {
			return err
		}
	}
	return store.WriteAudit(ctx, tx, store.AuditRow{
		Organization: c.OrganizationID, Provider: c.ProviderID, Verb: "undo batch", Subject: "cluster", SubjectID: c.ID,
		Detail: map[string]any{"nodes": b.Nodes, "reason": reason, "detail": detail, "released": b.Held},
	})
}
