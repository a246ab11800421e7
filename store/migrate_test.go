package store_test

import (
	"testing"

	"golang.org/x/sync/errgroup"
	"volary.dev/migrations"
	"volary.dev/store"
	"volary.dev/store/storetest"
)

func TestMigrateTwiceAtOnce(t *testing.T) {
	pool := storetest.Pool(t)
	if _, err := pool.Exec(t.Context(), `DROP SCHEMA public CASCADE; CREATE SCHEMA public`); err != nil {
		t.Fatal(err)
	}
	var both errgroup.Group
	for range 2 {
		both.Go(func() error { return store.Migrate(t.Context(), pool, migrations.FS) })
	}
	if err := both.Wait(); err != nil {
		t.Fatal(err)
	}
	db := storetest.Open(t, pool)
	if err := db.Core.Ping(t.Context()); err != nil {
		t.Fatal(err)
	}
	if now, err := db.Core.Now(t.Context()); err != nil || now.IsZero() {
		t.Fatalf("Now = %v, %v", now, err)
	}
}
