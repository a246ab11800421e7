package store_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"volary.dev/store"
	"volary.dev/store/storetest"
)

// A user who takes connections gets no more than its limit, begins with limits of time, and makes no large objects.
func TestLimitServers(t *testing.T) {
	w := storetest.NewWorld(t)
	web := signIn(t, w.Pool, store.RoleWeb)
	user := web.Config().ConnConfig.User
	limit := store.ServerLimit{Role: store.RoleWeb, Connections: 3, Statement: 7 * time.Second, Lock: 2 * time.Second, IdleInTransaction: 9 * time.Second}

	// The owner may not, and says what is to be done by one who may.
	owner := signIn(t, w.Pool, storetest.Owner)
	left := storetest.Must[[]string](t)(store.LimitServers(t.Context(), owner, limit))
	if !slices.Contains(left, `ALTER ROLE "`+user+`" CONNECTION LIMIT 3`) || !slices.ContainsFunc(left, func(s string) bool { return strings.Contains(s, "lo_create") }) {
		t.Errorf("left to a superuser: %q", left)
	}
	for _, sql := range left {
		if strings.Contains(sql, user) || strings.Contains(sql, "lo_create") {
			w.Exec(t, sql)
		}
	}
	left = storetest.Must[[]string](t)(store.LimitServers(t.Context(), owner, limit))
	if slices.ContainsFunc(left, func(s string) bool { return strings.Contains(s, user) || strings.Contains(s, "lo_create") }) {
		t.Errorf("left once more: %q", left)
	}

	for _, sql := range []string{`SELECT lo_create(0)`, `SELECT lo_creat(-1)`, `SELECT lo_from_bytea(0, 'x')`} {
		wantDenied(t, web, sql)
	}
	web.Reset()
	var open []*pgx.Conn
	var refused error
	for range 5 {
		c, err := pgx.ConnectConfig(t.Context(), web.Config().ConnConfig)
		if err != nil {
			refused = err
			break
		}
		defer c.Close(t.Context())
		open = append(open, c)
	}
	var pg *pgconn.PgError
	if !errors.As(refused, &pg) || pg.Code != "53300" || len(open) > 3 || len(open) == 0 {
		t.Fatalf("%d connections at once, then %v", len(open), refused)
	}
	for setting, want := range map[string]string{"statement_timeout": "7s", "lock_timeout": "2s", "idle_in_transaction_session_timeout": "9s"} {
		var got string
		storetest.NoError(t, open[0].QueryRow(t.Context(), `SELECT current_setting($1)`, setting).Scan(&got))
		if got != want {
			t.Errorf("a session begins with %s %s, want %s", setting, got, want)
		}
	}
}
