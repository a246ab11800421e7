package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgxpool"

	"volary.dev/cmd/internal/setup"
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
		config, err := setup.ReadCommandConfig()
		if err != nil {
			return err
		}
		left, err := store.LimitServers(ctx, pool,
			serverLimit(store.RoleWeb, config.WebConnections, setup.WebLimits), serverLimit(store.RoleWorker, config.WorkerConnections, setup.WorkerLimits))
		if err != nil {
			return err
		}
		if len(left) > 0 {
			fmt.Printf("The database's owner may not bound what the servers' users take. A superuser runs in this database:\n\n    %s;\n\n", strings.Join(left, ";\n    "))
		}
		version, err := store.SchemaVersion(ctx, pool)
		if err != nil {
			return err
		}
		fmt.Printf("The database is of version %d. Web signs in with the role %s, the worker with %s.\n", version, store.RoleWeb, store.RoleWorker)
		return nil
	})
}

// serverLimit is what a server's processes set for their sessions, where those of anybody else who has the password begin.
func serverLimit(role store.ServerRole, connections int, l setup.TimeLimits) store.ServerLimit {
	return store.ServerLimit{Role: role, Connections: connections, Statement: l.Statement, Lock: l.Lock, IdleInTransaction: l.IdleInTransaction}
}
