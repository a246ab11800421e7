package machines

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/store"
)

// BatchWork is a batch of a cluster that is on its way up.
type BatchWork struct {
	ID           uuid.UUID
	Kind         provisioner.BatchKind
	GateDeadline *time.Time // set when its nodes begin to start
}

// newBatch writes a batch down for which held was set aside in the same transaction, and gives its id. The cluster is locked,
// or made in this transaction.
func newBatch(ctx context.Context, tx pgx.Tx, clusterID uuid.UUID, kind provisioner.BatchKind, held billing.Hours) (uuid.UUID, error) {
	id, err := store.NewID()
	if err != nil {
		return uuid.Nil, err
	}
	_, err = tx.Exec(ctx, `
		INSERT INTO batches (id, cluster_id, organization_id, kind, held, created_at)
		SELECT $1, id, organization_id, $3, $4, now() FROM clusters WHERE id = $2`, id, clusterID, kind, held)
	if err != nil {
		return uuid.Nil, fmt.Errorf("begin batch of cluster %s: %w", clusterID, err)
	}
	return id, nil
}

// batchRow is a batch of a locked cluster.
type batchRow struct {
	ID      uuid.UUID
	Kind    provisioner.BatchKind
	Held    billing.Hours
	ReadyAt *time.Time
	EndedAt *time.Time
	Nodes   []string // its nodes' names, the gone ones left out
	Others  bool     // the cluster has nodes of other batches that are to run
}

func (b batchRow) pending() bool { return b.ReadyAt == nil && b.EndedAt == nil }

func readBatch(ctx context.Context, tx pgx.Tx, clusterID, id uuid.UUID) (batchRow, error) {
	rows, _ := tx.Query(ctx, `
		SELECT b.id, b.kind, b.held, b.ready_at, b.ended_at,
			ARRAY(SELECT n.name FROM nodes n WHERE n.batch_id = b.id AND n.state <> 'gone' ORDER BY n.role = 'head' DESC, n.name) AS nodes,
			EXISTS (SELECT FROM nodes n WHERE n.cluster_id = b.cluster_id AND n.batch_id <> b.id AND n.desired = 'running') AS others
		FROM batches b WHERE b.cluster_id = $1 AND b.id = $2`, clusterID, id)
	return store.One(rows, "batch", pgx.RowToStructByName[batchRow])
}

// readBatches reads those of a cluster that are on their way up.
func readBatches(ctx context.Context, tx pgx.Tx, clusterID uuid.UUID) ([]BatchWork, error) {
	rows, _ := tx.Query(ctx, `
		SELECT id, kind, gate_deadline FROM batches WHERE cluster_id = $1 AND ready_at IS NULL AND ended_at IS NULL ORDER BY id`, clusterID)
	return store.All(rows, "batches", pgx.RowToStructByName[BatchWork])
}
