package demo

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"volary.dev/store"
	"volary.dev/store/floors"
)

// clockSchema holds a now() of its own. A session whose search_path names it before pg_catalog asks that one: the
// commands of store then happen when we say, without knowing.
const clockSchema = "demo_clock"

// past is the database at a time that we choose.
type past struct {
	db   *floors.All
	pool *pgxpool.Pool
	at   time.Time
}

// pastRound is the observation interval of the past: a run may go without proof of life for two and a half of them.
const pastRound = 4 * time.Hour

// openPast makes the clock. Nobody else may work with the database meanwhile, and the caller closes it.
func openPast(ctx context.Context, present *pgxpool.Pool, at time.Time) (*past, error) {
	if _, err := present.Exec(ctx, `
		CREATE SCHEMA `+clockSchema+`;
		CREATE TABLE `+clockSchema+`.clock (at timestamptz NOT NULL);
		INSERT INTO `+clockSchema+`.clock VALUES (pg_catalog.now());
		CREATE FUNCTION `+clockSchema+`.now() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT at FROM `+clockSchema+`.clock';
		CREATE FUNCTION `+clockSchema+`.clock_timestamp() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT at FROM `+clockSchema+`.clock'`); err != nil {
		return nil, fmt.Errorf("demo clock: %w", err)
	}
	config := present.Config()
	config.ConnConfig.RuntimeParams["search_path"] = clockSchema + ",pg_catalog,public"
	config.MaxConns = 2
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("demo clock: %w", err)
	}
	p := &past{db: floors.New(pool, store.Options{Round: pastRound}), pool: pool}
	return p, p.set(ctx, at)
}

// set moves the clock; it never goes back, as a ledger's does not.
func (p *past) set(ctx context.Context, at time.Time) error {
	if at.Before(p.at) {
		return fmt.Errorf("demo clock: %s is before %s", at, p.at)
	}
	p.at = at
	if _, err := p.pool.Exec(ctx, `UPDATE `+clockSchema+`.clock SET at = $1`, at); err != nil {
		return fmt.Errorf("demo clock: %w", err)
	}
	return nil
}

// close takes the clock away.
func (p *past) close(ctx context.Context) error {
	_, err := p.pool.Exec(ctx, `DROP SCHEMA `+clockSchema+` CASCADE`)
	p.pool.Close()
	if err != nil {
		return fmt.Errorf("demo clock: %w", err)
	}
	return nil
}

// cutShort tells whether an earlier Make ended in the middle of the past.
func cutShort(ctx context.Context, pool *pgxpool.Pool) (bool, error) {
	var there bool
	err := pool.QueryRow(ctx, `SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)`, clockSchema).Scan(&there)
	if err != nil {
		return false, fmt.Errorf("demo clock: %w", err)
	}
	return there, nil
}
