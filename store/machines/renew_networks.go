package machines

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// RenewNetworks has every ready cluster with nodes on a host reconciled once more: after a host was silent its networks
// may be there no longer, although its machines run on.
func (db *DB) RenewNetworks(ctx context.Context, hostID uuid.UUID) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		// In the order of ids, as rounds lock them.
		_, err := tx.Exec(ctx, `
			UPDATE clusters SET generation = generation + 1
			WHERE id IN (SELECT c.id FROM clusters c
				WHERE c.desired = 'running' AND c.ready_at IS NOT NULL
					AND EXISTS (SELECT FROM nodes n WHERE n.cluster_id = c.id AND n.host_id = $1 AND n.state = 'ready')
				ORDER BY c.id FOR NO KEY UPDATE)`, hostID)
		if err != nil {
			return fmt.Errorf("renew networks of host %s: %w", hostID, err)
		}
		return nil
	})
}
