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
	// Limits of the pool's sessions; the zero value limits nothing: an operator's command takes the time it takes.
	Limits TimeLimits
}

// TimeLimits are PostgreSQL's settings of these names. What is known to take longer (exports, nightly work) sets its
// own inside its transaction (store).
type TimeLimits struct {
	Statement         time.Duration // of one statement
	Lock              time.Duration // of waiting for one lock
	IdleInTransaction time.Duration // of doing nothing while holding a transaction's locks and its snapshot
}

// WebLimits are those of a process whose people wait; WorkerLimits those of one whose loops come again.
var (
	WebLimits    = TimeLimits{Statement: 15 * time.Second, Lock: 5 * time.Second, IdleInTransaction: 20 * time.Second}
	WorkerLimits = TimeLimits{Statement: 60 * time.Second, Lock: 15 * time.Second, IdleInTransaction: 60 * time.Second}
)

// WebConnections and WorkerConnections are how many connections one process takes at most: its pools, and what listens or
// holds a lock beside them.
const (
	WebConnections    = 10 + 4
	WorkerConnections = 20 + 10 + 6
)

func (l TimeLimits) set(parameters map[string]string) {
	for name, d := range map[string]time.Duration{
		"statement_timeout": l.Statement, "lock_timeout": l.Lock, "idle_in_transaction_session_timeout": l.IdleInTransaction,
	} {
		if d > 0 {
			parameters[name] = fmt.Sprint(d.Milliseconds())
		}
	}
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
	o.Limits.set(c.ConnConfig.RuntimeParams)
	// After a failover the old server may answer as a read-only standby: refuse it, and let connections end soon
	// enough that the pool moves over by itself.
	if c.ConnConfig.ValidateConnect == nil {
		c.ConnConfig.ValidateConnect = pgconn.ValidateConnectTargetSessionAttrsReadWrite
	}
	c.MaxConnLifetime = 5 * time.Minute
	c.MaxConnLifetimeJitter = time.Minute
	c.ConnConfig.ConnectTimeout = 5 * time.Second

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
