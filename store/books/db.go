package books

import (
	"log/slog"

	"github.com/jackc/pgx/v5/pgxpool"
	"volary.dev/store"
)

// DB is the handle of what is sold, owned, set aside and used. It is safe for concurrent use.
type DB struct {
	core *store.DB
	pool *pgxpool.Pool
	log  *slog.Logger
}

// New makes the handle over the core.
func New(core *store.DB) *DB { return &DB{core: core, pool: core.Pool(), log: core.Log()} }
