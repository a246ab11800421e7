package people_test

import (
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"volary.dev/store"
	"volary.dev/store/floors"
	"volary.dev/store/people"
	"volary.dev/store/storetest"
)

// later lets hours pass for all sessions: what is kept of them becomes that much older.
func (m mailed) later(hours int) {
	m.t.Helper()
	m.exec(`UPDATE sessions SET created_at = created_at - make_interval(hours => $1), seen_at = seen_at - make_interval(hours => $1),
		expires_at = expires_at - make_interval(hours => $1)`, hours)
}

func (m mailed) wantLeft(token string, want time.Duration) {
	m.t.Helper()
	var left time.Duration
	if err := m.pool.QueryRow(m.t.Context(), `SELECT expires_at - now() FROM sessions WHERE token_hash = $1`, store.HashToken(token)).Scan(&left); err != nil {
		m.t.Fatal(err)
	}
	if left < want-time.Minute || left > want {
		m.t.Errorf("the session lasts for %s, want %s", left, want)
	}
}

func TestSessionsEndAfterAnIdleTime(t *testing.T) {
	db := newMailed(t)
	createPerson(t, db.All, "ada")
	token, _ := signedIn(t, db.All, "ada")
	db.wantLeft(token, 12*time.Hour)
	db.later(11)
	storetest.Must[people.Session](t)(db.People.SessionByToken(t.Context(), token))
	db.wantLeft(token, time.Hour) // a look is no use
	storetest.Must[people.Session](t)(db.People.UseSession(t.Context(), token))
	db.wantLeft(token, 12*time.Hour)
	db.later(13)
	_, err := db.People.UseSession(t.Context(), token)
	storetest.WantRefusal(t, err, "not_found")
	_, err = db.People.SessionByToken(t.Context(), token)
	storetest.WantRefusal(t, err, "not_found")
}

func TestUsedSessionsEndAfterSevenDays(t *testing.T) {
	db := newMailed(t)
	createPerson(t, db.All, "ada")
	token, _ := signedIn(t, db.All, "ada")
	for range 16 { // 160 hours
		db.later(10)
		storetest.Must[people.Session](t)(db.People.UseSession(t.Context(), token))
	}
	db.wantLeft(token, 8*time.Hour)
	db.later(8)
	_, err := db.People.UseSession(t.Context(), token)
	storetest.WantRefusal(t, err, "not_found")
	// Nor does the portal's own role prolong one.
	token, _ = signedIn(t, db.All, "ada")
	web := storetest.PoolAs(t, db.pool, store.RoleWeb)
	if _, err := web.Exec(t.Context(), `UPDATE sessions SET expires_at = created_at + interval '169 hours' WHERE token_hash = $1`, store.HashToken(token)); err == nil {
		t.Error("a session lasts longer than seven days")
	}
	if _, err := web.Exec(t.Context(), `UPDATE sessions SET created_at = now()`); err == nil {
		t.Error("a session begins anew")
	}
}

// Use is written at most once a minute, and tells nobody that a right has ended; an earlier end does.
func TestUseIsWrittenRarelyAndTellsNobody(t *testing.T) {
	db := newMailed(t)
	ada := createPerson(t, db.All, "ada")
	token, _ := signedIn(t, db.All, "ada")
	version := func() (v string) {
		t.Helper()
		storetest.NoError(t, db.pool.QueryRow(t.Context(), `SELECT xmin::text FROM sessions`).Scan(&v))
		return v
	}
	before := version()
	storetest.Must[people.Session](t)(db.People.UseSession(t.Context(), token))
	if version() != before {
		t.Error("a use right after another is written")
	}
	db.later(1)
	listening := storetest.Must[*pgxpool.Conn](t)(db.pool.Acquire(t.Context()))
	defer listening.Release()
	_, err := listening.Exec(t.Context(), `LISTEN volary_rights`)
	storetest.NoError(t, err)
	before = version()
	storetest.Must[people.Session](t)(db.People.UseSession(t.Context(), token))
	if version() == before {
		t.Error("a use after an hour is not written")
	}
	db.exec(`NOTIFY volary_rights, 'used'`)
	db.exec(`UPDATE sessions SET expires_at = now()`)
	for _, want := range []string{"used", ada.String()} {
		n, err := listening.Conn().WaitForNotification(t.Context())
		storetest.NoError(t, err)
		if n.Payload != want {
			t.Errorf("told %q, want %q", n.Payload, want)
		}
	}
}

func TestIdleTimeIsTheOperators(t *testing.T) {
	db := newMailed(t)
	createPerson(t, db.All, "ada")
	short := floors.New(storetest.PoolAs(t, db.pool, store.RoleWeb), store.Options{Idle: time.Hour})
	token, _ := signedIn(t, short, "ada")
	db.wantLeft(token, time.Hour)
	long := floors.New(storetest.PoolAs(t, db.pool, store.RoleWeb), store.Options{Idle: 200 * time.Hour})
	token, _ = signedIn(t, long, "ada")
	db.wantLeft(token, 168*time.Hour)
}
