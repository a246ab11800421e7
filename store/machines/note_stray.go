package machines

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/store"
)

// NoteStray writes to the log that the machine of a stopped node runs and is stopped, and tells whether the node is still a
// stopped one: a start that came between wants the machine.
func (db *DB) NoteStray(ctx context.Context, nodeID uuid.UUID) (still bool, err error) {
	err = db.core.Tx(ctx, func(tx pgx.Tx) error {
		still = false
		var clusterID uuid.UUID
		if err := tx.QueryRow(ctx, `SELECT cluster_id FROM nodes WHERE id = $1`, nodeID).Scan(&clusterID); err != nil {
			return store.Found(err, "node")
		}
		c, err := lockCluster(ctx, tx, clusterID)
		if err != nil {
			return err
		}
		var state provisioner.NodeState
		var name, host string
		err = tx.QueryRow(ctx, `
			SELECT n.state, n.name, h.name FROM nodes n JOIN hosts h ON h.id = n.host_id WHERE n.id = $1`, nodeID).Scan(&state, &name, &host)
		if err != nil {
			return fmt.Errorf("note stray node %s: %w", nodeID, err)
		}
		if still = state == provisioner.NodeStopped; !still {
			return nil
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{
			Organization: c.OrganizationID, Provider: c.ProviderID, Verb: "stop stray machine", Subject: "cluster", SubjectID: c.ID,
			Detail: map[string]any{"node": name, "host": host, "because": "it ran although its node is stopped"},
		})
	})
	return still, err
}
