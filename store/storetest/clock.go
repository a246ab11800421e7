package storetest

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"volary.dev/store/floors"
)

// Clock is what the statements of OpenAt take for the time. It stands still until it is set.
type Clock struct {
	t    testing.TB
	pool *pgxpool.Pool
}

// OpenAt is Open with a clock of the test's: now() and clock_timestamp() are found in a schema before PostgreSQL's own, as in
// every statement of the store, and give what was set. What a trigger or a column's default calls keeps the true time.
func OpenAt(t testing.TB, pool *pgxpool.Pool, at time.Time) (*floors.All, *Clock) {
	t.Helper()
	ctx := t.Context()
	for _, sql := range []string{
		`CREATE SCHEMA clock`,
		`CREATE TABLE clock.present (at timestamptz NOT NULL)`,
		`CREATE FUNCTION clock.now() RETURNS timestamptz LANGUAGE sql STABLE AS 'SELECT at FROM clock.present'`,
		`CREATE FUNCTION clock.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE AS 'SELECT at FROM clock.present'`,
		`GRANT USAGE ON SCHEMA clock TO PUBLIC`,
		`GRANT SELECT ON clock.present TO PUBLIC`,
		`INSERT INTO clock.present VALUES (now())`,
	} {
		if _, err := pool.Exec(ctx, sql); err != nil {
			t.Fatal(err)
		}
	}
	config := pool.Config()
	config.ConnConfig.RuntimeParams["role"] = string(servers)
	config.ConnConfig.RuntimeParams["search_path"] = "clock, public, pg_catalog"
	clocked := check[*pgxpool.Pool](t)(pgxpool.NewWithConfig(ctx, config))
	t.Cleanup(clocked.Close)
	c := &Clock{t: t, pool: pool}
	c.Set(at)
	return floors.New(clocked, Options()), c
}

// Set makes it a time, which may be before the one that it was.
func (c *Clock) Set(at time.Time) {
	c.t.Helper()
	if _, err := c.pool.Exec(c.t.Context(), `UPDATE clock.present SET at = $1`, at); err != nil {
		c.t.Fatal(err)
	}
}
