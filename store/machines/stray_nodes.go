package machines

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// StrayNodes gives those of the running machines of a host whose node was stopped before a moment: nobody wants them to
// run, and nobody is billed for them.
func (db *DB) StrayNodes(ctx context.Context, hostID uuid.UUID, before time.Time, running []uuid.UUID) ([]uuid.UUID, error) {
	rows, _ := db.pool.Query(ctx, `
		SELECT id FROM nodes WHERE host_id = $1 AND id = ANY ($2) AND state = 'stopped' AND state_at < $3 ORDER BY id`, hostID, running, before)
	return store.All(rows, "stray nodes", pgx.RowTo[uuid.UUID])
}
