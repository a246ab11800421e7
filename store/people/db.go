package people

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"volary.dev/store"
)

// DB is the handle of who there is and who may do what. It is safe for concurrent use.
type DB struct {
	core     *store.DB
	pool     *pgxpool.Pool
	clusters Clusters
	// hashing bounds how many passwords are hashed at once: each takes store.Options.PasswordKiB.
	hashing chan struct{}
}

// Clusters is what people need of the machines inside their own transactions. machines.DB is it.
type Clusters interface {
	// StopOrganization stops what an organization that is suspended for a reason runs, the way the end of a lease does,
	// and says how many clusters. It locks each.
	StopOrganization(ctx context.Context, tx pgx.Tx, orgID uuid.UUID, reason string) (int, error)
}

// New makes the handle over the core.
func New(core *store.DB, clusters Clusters) *DB {
	return &DB{core: core, pool: core.Pool(), clusters: clusters, hashing: make(chan struct{}, 4)}
}
