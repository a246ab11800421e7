package machines

import (
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"volary.dev/store"
)

// DB is the handle of hosts and of what runs on them. It is safe for concurrent use.
type DB struct {
	core  *store.DB
	pool  *pgxpool.Pool
	books Books
	round time.Duration
}

// New makes the handle over the core.
func New(core *store.DB, books Books) *DB {
	return &DB{core: core, pool: core.Pool(), books: books, round: core.Round()}
}
