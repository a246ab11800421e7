package models

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"volary.dev/store"
)

// DB is the handle of images, model clusters and their tests. It is safe for concurrent use.
type DB struct {
	core     *store.DB
	pool     *pgxpool.Pool
	clusters Clusters
}

// Clusters is what models need of the machines inside their own transactions. machines.DB is it.
type Clusters interface {
	// EndTestCluster has the cluster of an acceptance test deleted, whatever became of the test. It locks the cluster.
	EndTestCluster(ctx context.Context, tx pgx.Tx, id uuid.UUID) error
}

// New makes the handle over the core.
func New(core *store.DB, clusters Clusters) *DB {
	return &DB{core: core, pool: core.Pool(), clusters: clusters}
}
