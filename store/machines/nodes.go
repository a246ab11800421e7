package machines

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/store"
)

// NodeHost names a node and the host that carries it, for its console.
type NodeHost struct {
	NodeID    uuid.UUID
	NodeName  string
	ClusterID uuid.UUID
	HostID    uuid.UUID
	HostName  string
	Address   provisioner.HostAddress
}

const selectNodeHost = `
	SELECT n.id, n.name, n.cluster_id, h.id, h.name, ` + hostAddress + ` FROM nodes n JOIN hosts h ON h.id = n.host_id`

func rowToNodeHost(row pgx.CollectableRow) (n NodeHost, err error) {
	err = row.Scan(append([]any{&n.NodeID, &n.NodeName, &n.ClusterID, &n.HostID, &n.HostName}, scanAddress(&n.Address)...)...)
	return n, err
}

// Node finds a node of one of the organization's clusters; a gone one is NotFound("node").
func (db *DB) Node(ctx context.Context, orgID, clusterID, nodeID uuid.UUID) (NodeHost, error) {
	rows, _ := db.pool.Query(ctx, selectNodeHost+`
		WHERE n.organization_id = $1 AND n.cluster_id = $2 AND n.id = $3 AND n.state <> 'gone'`, orgID, clusterID, nodeID)
	return store.One(rows, "node", rowToNodeHost)
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
	// A batch has until the last of its nodes' limits.
	_, err = tx.Exec(ctx, `
		UPDATE batches b SET gate_deadline = greatest(b.gate_deadline, now() + make_interval(secs => r.gate_timeout_seconds))
		FROM clusters c, nodes n, version_roles r
		WHERE c.id = $1 AND n.id = $2 AND b.id = n.batch_id AND r.version_id = c.version_id AND r.group_name = n.group_name`, clusterID, nodeID)
	if err != nil {
		return false, fmt.Errorf("set gate deadline of a batch of cluster %s: %w", clusterID, err)
	}
	return true, nil
}

// MarkConsole keeps where a node's console log ended before the start-th start of its cluster: a gate's text counts only
// after it. It is kept before the machine starts, so that a worker that goes on finds it.
func (db *DB) MarkConsole(ctx context.Context, nodeID uuid.UUID, start int, mark string) error {
	_, err := db.pool.Exec(ctx, `
		UPDATE nodes SET evidence = jsonb_build_object('console_mark', $2::text, 'marked_start', $3::int)
		WHERE id = $1 AND state IN ('reserved', 'starting')`, nodeID, mark, start)
	if err != nil {
		return fmt.Errorf("mark console of node %s: %w", nodeID, err)
	}
	return nil
}
