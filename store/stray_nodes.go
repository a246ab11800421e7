package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
)

// StrayNodes gives those of the running machines of a host whose node was stopped before a moment: nobody wants them to
// run, and nobody is billed for them.
func (db *DB) StrayNodes(ctx context.Context, hostID uuid.UUID, before time.Time, running []uuid.UUID) ([]uuid.UUID, error) {
	rows, _ := db.pool.Query(ctx, `
		SELECT id FROM nodes WHERE host_id = $1 AND id = ANY ($2) AND state = 'stopped' AND state_at < $3 ORDER BY id`, hostID, running, before)
	return all(rows, "stray nodes", pgx.RowTo[uuid.UUID])
}

// NoteStray writes to the log that the machine of a stopped node runs and is stopped, and tells whether the node is still a
// stopped one: a start that came between wants the machine.
func (db *DB) NoteStray(ctx context.Context, nodeID uuid.UUID) (still bool, err error) {
	err = db.tx(ctx, func(tx pgx.Tx) error {
		still = false
		var clusterID uuid.UUID
		if err := tx.QueryRow(ctx, `SELECT cluster_id FROM nodes WHERE id = $1`, nodeID).Scan(&clusterID); err != nil {
			return found(err, "node")
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
		return writeAudit(ctx, tx, auditRow{
			Organization: c.OrganizationID, Provider: c.ProviderID, Verb: "stop stray machine", Subject: "cluster", SubjectID: c.ID,
			Detail: map[string]any{"node": name, "host": host, "because": "it ran although its node is stopped"},
		})
	})
	return still, err
}

// NoteUnknownMachine writes to the provider's log that a host carries a machine of ours that no row knows: of another
// deployment, or newer than a restored backup. Nobody but a person may end it. The worker, who may not read the log, says
// it once in its life.
func (db *DB) NoteUnknownMachine(ctx context.Context, h HostClaim, nodeID uuid.UUID) error {
	return db.tx(ctx, func(tx pgx.Tx) error {
		return writeAudit(ctx, tx, auditRow{
			Provider: h.ProviderID, Verb: "see unknown machine", Subject: "host", SubjectID: h.ID,
			Detail: map[string]any{"host": h.Name, "machine": nodeID.String(), "because": "it is of no cluster here, and nothing is done to it"},
		})
	})
}
