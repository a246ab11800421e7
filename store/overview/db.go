package overview

import (
	"github.com/jackc/pgx/v5/pgxpool"
	"volary.dev/store"
	"volary.dev/store/models"
)

// DB is the handle of what is read across the floors. It is safe for concurrent use.
type DB struct {
	core   *store.DB
	pool   *pgxpool.Pool
	models *models.DB
}

// New makes the handle over the core.
func New(core *store.DB, m *models.DB) *DB { return &DB{core: core, pool: core.Pool(), models: m} }
