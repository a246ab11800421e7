package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// grantsFile of package migrations says what the servers' roles may do.
const grantsFile = "grants.sql"

// Migrate brings the schema up to date: the job queue's own tables, then the SQL files (package migrations' FS), then what
// the servers' roles may do. The pool's user has to own the database; what is made belongs to it. Any number of processes
// may call it at once; one works, the others wait for it and find nothing to do.
func Migrate(ctx context.Context, pool *pgxpool.Pool, files fs.FS) (err error) {
	pool, err = unlimited(ctx, pool)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	defer pool.Close()
	db := stdlib.OpenDBFromPool(pool)
	defer db.Close()
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	conn, err := db.Conn(ctx)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	defer conn.Close()
	// One lock around all kinds of migrations; goose's own would let go between them.
	if err := locker.SessionLock(ctx, conn); err != nil {
		return fmt.Errorf("migrate: wait for another process that migrates: %w", err)
	}
	defer func() { err = errors.Join(err, locker.SessionUnlock(context.WithoutCancel(ctx), conn)) }()

	// The queue first: our migrations make a view of it and functions over it.
	if err := migrateQueue(ctx, pool); err != nil {
		return err
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, files)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if err := fillNames(ctx, pool); err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	return grant(ctx, pool, files)
}

func migrateQueue(ctx context.Context, pool *pgxpool.Pool) error {
	river, err := rivermigrate.New(riverpgxv5.New(pool), &rivermigrate.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return fmt.Errorf("migrate job queue: %w", err)
	}
	if _, err := river.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return fmt.Errorf("migrate job queue: %w", err)
	}
	return nil
}

// unlimited is a pool to the same database without limits of time: a migration takes as long as it takes, and waits for
// the process that migrates already.
func unlimited(ctx context.Context, pool *pgxpool.Pool) (*pgxpool.Pool, error) {
	c := pool.Config()
	for _, name := range []string{"statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"} {
		delete(c.ConnConfig.RuntimeParams, name)
	}
	return pgxpool.NewWithConfig(ctx, c)
}

// grant runs the whole file as one statement, which is one transaction: servers that run meanwhile never lack a right.
func grant(ctx context.Context, pool *pgxpool.Pool, files fs.FS) error {
	sql, err := fs.ReadFile(files, grantsFile)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	if _, err := pool.Exec(ctx, string(sql)); err != nil {
		return fmt.Errorf("migrate: what the servers may do: %w", err)
	}
	return nil
}
