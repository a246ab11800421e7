package store_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/jackc/pgx/v5/pgxpool"

	"volary.dev/migrations"
	"volary.dev/store"
	"volary.dev/store/floors"
	"volary.dev/store/storetest"
)

// past is a database as it was before a migration, for a test of what that one and all later ones make of rows: it puts rows by exec,
// migrates, and reads them by the store.
type past struct {
	pool *pgxpool.Pool
	t    *testing.T
}

// before makes an empty database that has all migrations whose files come before number ("00055"), and no rights of servers yet.
func before(t *testing.T, number string) past {
	t.Helper()
	files := fstest.MapFS{"grants.sql": {Data: []byte("SELECT 1")}}
	all, err := migrations.FS.ReadDir(".")
	storetest.NoError(t, err)
	for _, f := range all {
		if strings.HasSuffix(f.Name(), ".sql") && f.Name() < number {
			text, err := migrations.FS.ReadFile(f.Name())
			storetest.NoError(t, err)
			files[f.Name()] = &fstest.MapFile{Data: text}
		}
	}
	p := past{storetest.Pool(t), t}
	p.exec(`DROP SCHEMA public CASCADE`)
	p.exec(`CREATE SCHEMA public`)
	storetest.NoError(t, store.Migrate(t.Context(), p.pool, files))
	return p
}

func (p past) exec(sql string, args ...any) {
	p.t.Helper()
	_, err := p.pool.Exec(p.t.Context(), sql, args...)
	storetest.NoError(p.t, err)
}

// migrate brings it to the newest, and gives the store over it.
func (p past) migrate() *floors.All {
	p.t.Helper()
	storetest.NoError(p.t, store.Migrate(p.t.Context(), p.pool, migrations.FS))
	return storetest.Open(p.t, p.pool)
}
