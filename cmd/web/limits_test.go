package main

import (
	"testing"
	"time"

	"volary.dev/cmd/internal/setup"
	"volary.dev/migrations"
	"volary.dev/provisioner/waittest"
	"volary.dev/store"
	"volary.dev/store/storetest"
)

// TestSessionsHaveTimeLimits opens a pool with short ones, and has each of them pass; a migration has none.
func TestSessionsHaveTimeLimits(t *testing.T) {
	ctx := t.Context()
	at := storetest.Pool(t).Config().ConnString()
	limits := setup.TimeLimits{Statement: 300 * time.Millisecond, Lock: 100 * time.Millisecond, IdleInTransaction: 300 * time.Millisecond}
	pool, err := setup.Pool(ctx, at, setup.PoolOptions{Name: "test", Limits: limits})
	if err != nil {
		t.Fatal(err)
	}
	defer pool.Close()
	if _, err := pool.Exec(ctx, `SELECT pg_sleep(60)`); !store.TookTooLong(err) {
		t.Errorf("a statement: %v", err)
	}
	holder, err := pool.Begin(ctx)
	if err != nil {
		t.Fatal(err)
	}
	// The lock is held until it was asked for in vain, however long that takes: the other session has yet to be opened.
	if _, err := holder.Exec(ctx, `SET idle_in_transaction_session_timeout = 0; LOCK TABLE people`); err != nil {
		t.Fatal(err)
	}
	if _, err := pool.Exec(ctx, `SELECT count(*) FROM people`); !store.TookTooLong(err) {
		t.Errorf("a lock: %v", err)
	}
	if _, err := holder.Exec(ctx, `RESET idle_in_transaction_session_timeout`); err != nil {
		t.Fatal(err)
	}
	// The holder does nothing, and loses it.
	waittest.Until(t, "a transaction that does nothing to lose its lock", func() bool {
		_, err := pool.Exec(ctx, `SELECT count(*) FROM people`)
		return err == nil
	})
	_ = holder.Rollback(ctx)
	if err := store.Migrate(ctx, pool, migrations.FS); err != nil {
		t.Errorf("migrate with a pool that has limits: %v", err)
	}
}
