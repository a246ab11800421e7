package machines

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// GoneNodes gives those of the nodes of which the database knows for certain that nothing is left. A node that it does
// not know at all is not among them: it may belong to another deployment, or to rows newer than a restored backup.
func (db *DB) GoneNodes(ctx context.Context, nodes []uuid.UUID) ([]uuid.UUID, error) {
	rows, _ := db.pool.Query(ctx, `SELECT id FROM nodes WHERE id = ANY ($1) AND state = 'gone' ORDER BY id`, nodes)
	return store.All(rows, "gone nodes", pgx.RowTo[uuid.UUID])
}
