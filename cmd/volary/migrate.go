package main

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5/pgxpool"

	"volary.dev/migrations"
	"volary.dev/store"
)

// migrateCommand makes the tables and says what the servers may do with them. DATABASE_URL names the database's owner,
// and neither server: they refuse to start as somebody who may change what is insert-only.
type migrateCommand struct{}

// Run may be repeated, and by several machines at once.
func (migrateCommand) Run(ctx context.Context) error {
	return withPool(ctx, func(pool *pgxpool.Pool) error {
		if err := store.Migrate(ctx, pool, migrations.FS); err != nil {
			return err
		}
		version, err := store.SchemaVersion(ctx, pool)
		if err != nil {
			return err
		}
		fmt.Printf("The database is of version %d. Web signs in with the role %s, the worker with %s.\n", version, store.RoleWeb, store.RoleWorker)
		return nil
	})
}
