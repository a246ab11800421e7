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
	SELECT n.id, n.name, n.cluster_id, h.id, h.name, h.scheme, h.address, h.port FROM nodes n JOIN hosts h ON h.id = n.host_id`

func rowToNodeHost(row pgx.CollectableRow) (n NodeHost, err error) {
	err = row.Scan(&n.NodeID, &n.NodeName, &n.ClusterID, &n.HostID, &n.HostName, &n.Address.Scheme, &n.Address.Name, &n.Address.Port)
	return n, err
}

// Node finds a node of one of the organization's clusters; a gone one is NotFound("node").
func (db *DB) Node(ctx context.Context, orgID, clusterID, nodeID uuid.UUID) (NodeHost, error) {
	rows, _ := db.pool.Query(ctx, selectNodeHost+`
		WHERE n.organization_id = $1 AND n.cluster_id = $2 AND n.id = $3 AND n.state <> 'gone'`, orgID, clusterID, nodeID)
	return store.One(rows, "node", rowToNodeHost)
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
