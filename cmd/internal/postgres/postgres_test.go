package postgres

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestStartKeepsDataAndStops(t *testing.T) {
	if DebianBinaries() == "" {
		t.Log("no Debian binaries: this fetches the npm package")
	}
	ctx, dir := t.Context(), filepath.Join(t.TempDir(), "postgres")
	var url string
	for round := range 2 {
		s, err := Start(ctx, Options{Dir: dir, Throwaway: true})
		if err != nil {
			t.Fatal(err)
		}
		users, err := MakeUsers(ctx, s.URL(), "volary")
		if err != nil {
			t.Fatal(err)
		}
		url = users.Owner
		conn, err := pgx.Connect(ctx, url)
		if err != nil {
			t.Fatal(err)
		}
		statement := `CREATE TABLE kept (n int)`
		if round == 1 {
			statement = `INSERT INTO kept VALUES (1)`
		}
		if _, err := conn.Exec(ctx, statement); err != nil {
			t.Errorf("round %d: %v", round, err)
		}
		_ = conn.Close(ctx)
		s.Stop()
		if _, err := pgx.Connect(ctx, url); err == nil {
			t.Error("the server answers after Stop")
		}
	}
}

func TestStartNamesTheOtherVersion(t *testing.T) {
	dir := t.TempDir()
	data := filepath.Join(dir, "data")
	if err := os.MkdirAll(data, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(data, "PG_VERSION"), []byte("9\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Start(t.Context(), Options{Dir: dir}); err == nil || !strings.Contains(err.Error(), "is of PostgreSQL 9") {
		t.Errorf("error %v", err)
	}
}

func TestStaleLockIsRemoved(t *testing.T) {
	data := t.TempDir()
	lock := filepath.Join(data, "postmaster.pid")
	// Process 1 runs, and is no PostgreSQL.
	if err := os.WriteFile(lock, []byte("1\n/elsewhere\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := removeStaleLock(data); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(lock); !os.IsNotExist(err) {
		t.Errorf("the lock is still there: %v", err)
	}
}
