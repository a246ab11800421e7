package handlers_test

import (
	"net/http"
	"testing"
	"time"

	"volary.dev/handlers/handlertest"
)

// later lets hours pass for all sessions: what is kept of them becomes that much older.
func later(t *testing.T, a *handlertest.App, hours int) {
	t.Helper()
	_, err := a.Pool.Exec(t.Context(), `UPDATE sessions SET created_at = created_at - make_interval(hours => $1),
		seen_at = seen_at - make_interval(hours => $1), expires_at = expires_at - make_interval(hours => $1)`, hours)
	if err != nil {
		t.Fatal(err)
	}
}

// unused is how long ago the newest session was used.
func unused(t *testing.T, a *handlertest.App) (d time.Duration) {
	t.Helper()
	if err := a.Pool.QueryRow(t.Context(), `SELECT now() - max(seen_at) FROM sessions`).Scan(&d); err != nil {
		t.Fatal(err)
	}
	return d
}

// A page that is left open keeps nobody signed in: its stream and the fragments that it fetches are no use of the session,
// and the stream ends with it.
func TestOpenPagesDoNotKeepSessions(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	a.World()
	b := a.SignIn(handlertest.Member)
	later(t, a, 11)
	if got := b.Get("/org/clusters"); got.Status != http.StatusOK {
		t.Fatalf("after 11 hours: %d", got.Status)
	}
	if d := unused(t, a); d > time.Hour {
		t.Errorf("a page was used, and the session seen %s ago", d)
	}
	later(t, a, 11)
	s := openStream(t, a, b)
	s.until(t, ": still here")
	if got := b.Fragment("/org/clusters", "live"); got.Status != http.StatusOK {
		t.Errorf("fragment: %d", got.Status)
	}
	s.until(t, ": still here")
	if d := unused(t, a); d < 11*time.Hour {
		t.Errorf("an open page alone uses the session: seen %s ago", d)
	}
	// No notification helps here: the time passes, and the stream looks.
	if _, err := a.Pool.Exec(t.Context(), `ALTER TABLE sessions DISABLE TRIGGER rights_end_sooner`); err != nil {
		t.Fatal(err)
	}
	later(t, a, 2)
	s.until(t, "event: ended")
	if got := b.Get("/org/clusters"); got.Status != http.StatusSeeOther {
		t.Errorf("after 13 idle hours: %d", got.Status)
	}
}
