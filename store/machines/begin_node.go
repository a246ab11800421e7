package machines

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/store"
)

// BeginNode moves a reserved node to starting, as SetNode does, and tells whether it belongs on that host and is to run: one
// that was placed elsewhere, stopped or paused meanwhile stays as it is, and nothing may be made of it.
func (db *DB) BeginNode(ctx context.Context, nodeID, hostID uuid.UUID) (here bool, err error) {
	err = db.core.Tx(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `SELECT FROM clusters WHERE id = (SELECT cluster_id FROM nodes WHERE id = $1) FOR NO KEY UPDATE`, nodeID)
		if err != nil {
			return fmt.Errorf("begin node %s: %w", nodeID, err)
		}
		err = tx.QueryRow(ctx, `SELECT n.host_id = $2 AND n.desired = 'running' AND c.desired = 'running' FROM nodes n JOIN clusters c ON c.id = n.cluster_id WHERE n.id = $1`, nodeID, hostID).Scan(&here)
		if err != nil || !here {
			return store.Found(err, "node")
		}
		_, err = setNode(ctx, tx, nodeID, []provisioner.NodeState{provisioner.NodeReserved}, provisioner.NodeStarting, provisioner.ReasonNone, "")
		return err
	})
	return here, err
}
