package machines

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"volary.dev/provisioner"
)

// NoteNodes writes steps of a start into the task log: that the machines of nodes were made (StepMade), or that their gates
// were met (StepGate). A step is noted once for each start, when it is first known; nodes that do not start any more are
// left out.
func (db *DB) NoteNodes(ctx context.Context, step provisioner.NodeStep, nodes ...uuid.UUID) error {
	_, err := db.pool.Exec(ctx, `
		INSERT INTO node_steps (cluster_id, node_id, host_id, step, at, since)
		SELECT n.cluster_id, n.id, n.host_id, $1, now(), CASE WHEN $1 = 'gate' THEN coalesce(made.at, n.started_at) ELSE n.started_at END
		FROM nodes n
		LEFT JOIN LATERAL (SELECT max(s.at) AS at FROM node_steps s WHERE s.node_id = n.id AND s.step = 'made' AND s.at >= n.started_at) AS made ON true
		WHERE n.id = ANY ($2) AND n.state = 'starting'
			AND NOT EXISTS (SELECT FROM node_steps s WHERE s.node_id = n.id AND s.step = $1 AND s.at >= n.started_at)
		ORDER BY n.role = 'head' DESC, n.name`, step, nodes)
	if err != nil {
		return fmt.Errorf("note that nodes are at step %s: %w", step, err)
	}
	return nil
}
