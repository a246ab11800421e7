package setup

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// PoolOptions say what a pool is for. A process has up to three of them (its own work, River's, and one
// connection that listens), so that none starves another.
type PoolOptions struct {
	Name string // shown in pg_stat_activity as volary-NAME
	Max  int32  // connections; 0 takes 10
}

// Pool opens a pool and proves it by one round trip. The caller closes it.
func Pool(ctx context.Context, databaseURL string, o PoolOptions) (*pgxpool.Pool, error) {
	c, err := pgxpool.ParseConfig(databaseURL)
	if err != nil {
		return nil, fmt.Errorf("DATABASE_URL: %w", err)
	}
	c.MaxConns = 10
	if o.Max > 0 {
		c.MaxConns = o.Max
	}
	c.ConnConfig.RuntimeParams["application_name"] = "volary-" + o.Name
	// After a failover the old server may answer as a read-only standby: refuse it, and let connections end soon
	// enough that the pool moves over by itself.
	if c.ConnConfig.ValidateConnect == nil {
		c.ConnConfig.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	c.MaxConnLifetime = 5 * time.Minute
	c.MaxConnLifetimeJitter = time.Minute
	c.ConnConfig.ConnectTimeout = 10 * time.Second

	pool, err := pgxpool.NewWithConfig(ctx, c)
	if err != nil {
		return nil, fmt.Errorf("open pool %s: %w", o.Name, err)
	}
	if err := ping(ctx, pool); err != nil {
		pool.Close()
		return nil, fmt.Errorf("PostgreSQL at %s does not answer: %w", address(c.ConnConfig), err)
	}
	return pool, nil
}

func ping(ctx context.Context, pool *pgxpool.Pool) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return pool.Ping(ctx)
}

func address(c *pgx.ConnConfig) string { return fmt.Sprintf("%s:%d/%s", c.Host, c.Port, c.Database) }
