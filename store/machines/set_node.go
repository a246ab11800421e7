package machines

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/store"
)

// SetNode moves a node from one of the given states to another and tells whether it did; a node that is in another
// state meanwhile stays as it is. A node that begins to start sets its cluster's gate deadline to that moment plus the
// gate's time.
func (db *DB) SetNode(ctx context.Context, nodeID uuid.UUID, from []provisioner.NodeState, to provisioner.NodeState, reason provisioner.Reason, detail string) (moved bool, err error) {
	err = db.core.Tx(ctx, func(tx pgx.Tx) error {
		moved, err = setNode(ctx, tx, nodeID, from, to, reason, detail)
		return err
	})
	return moved, err
}

func setNode(ctx context.Context, tx pgx.Tx, nodeID uuid.UUID, from []provisioner.NodeState, to provisioner.NodeState, reason provisioner.Reason, detail string) (bool, error) {
	// The cluster is locked first, as everywhere.
	var clusterID uuid.UUID
	err := tx.QueryRow(ctx, `
		SELECT c.id FROM clusters c WHERE c.id = (SELECT cluster_id FROM nodes WHERE id = $1) FOR NO KEY UPDATE`, nodeID).Scan(&clusterID)
	if err != nil {
		return false, store.Found(err, "node")
	}
	tag, err := tx.Exec(ctx, `
		UPDATE nodes SET state = $3, reason = $4, reason_detail = $5, state_at = now(),
			started_at = CASE WHEN $3 = 'starting' THEN now() ELSE started_at END
		WHERE id = $1 AND state = ANY ($2)`, nodeID, from, to, reason, detail)
	if err != nil {
		return false, fmt.Errorf("set node %s %s: %w", nodeID, to, err)
	}
	if tag.RowsAffected() == 0 || to != provisioner.NodeStarting {
		return tag.RowsAffected() > 0, nil
	}
	_, err = tx.Exec(ctx, `
		UPDATE clusters c SET gate_deadline = now() + make_interval(secs => v.gate_timeout_seconds)
		FROM model_versions v WHERE c.id = $1 AND v.id = c.version_id`, clusterID)
	if err != nil {
		return false, fmt.Errorf("set gate deadline of cluster %s: %w", clusterID, err)
	}
	return true, nil
}
