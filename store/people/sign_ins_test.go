package people_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"volary.dev/store"
	"volary.dev/store/people"
	"volary.dev/store/storetest"
)

func (m mailed) signIns(person uuid.UUID, f people.SignInFilter) []people.SignInRow {
	m.t.Helper()
	list, total, err := m.People.SignIns(m.t.Context(), person, f)
	storetest.NoError(m.t, err)
	if total < len(list) {
		m.t.Errorf("%d of %d", len(list), total)
	}
	return list
}

// fail has a sign-in fail, whatever failed before.
func (m mailed) fail(email, why, address, program string) {
	m.t.Helper()
	m.exec(`DELETE FROM sign_in_failures`)
	_, _, err := m.People.SignIn(m.t.Context(), email, password+"x", address, program, "")
	storetest.WantRefusal(m.t, err, why)
}

func TestSignInsAreListed(t *testing.T) {
	db := newMailed(t)
	ada, eva := createPerson(t, db.All, "ada"), createPerson(t, db.All, "eva")
	_, _, err := db.People.SignIn(t.Context(), "ada@example.org", password, "192.0.2.7", "Firefox/131", "")
	storetest.NoError(t, err)
	db.fail("ADA@example.org", "sign_in", "198.51.100.9", "curl/8")
	db.fail("nobody@example.org", "sign_in", "198.51.100.9", "curl/8")
	_, _, err = db.People.SignIn(t.Context(), "ada@example.org", strings.Repeat("x", 500), "", "", "")
	storetest.WantRefusal(t, err, "sign_in")

	list := db.signIns(ada, people.SignInFilter{})
	if len(list) != 3 || !list[0].Failed || list[0].Address != nil || !list[1].Failed || list[1].Why != "sign_in" || list[1].More || list[1].UserAgent != "curl/8" ||
		list[1].Address.String() != "198.51.100.9" || list[2].Failed || list[2].UserAgent != "Firefox/131" {
		t.Errorf("Ada's: %+v", list)
	}
	if got := db.signIns(ada, people.SignInFilter{Outcome: people.SignInOutcomeIn}); len(got) != 1 || got[0].Failed {
		t.Errorf("what did not fail: %+v", got)
	}
	if got := db.signIns(ada, people.SignInFilter{Outcome: people.SignInOutcomeFailed, Text: "198.51"}); len(got) != 1 || !got[0].Failed {
		t.Errorf("what failed from an address: %+v", got)
	}
	if got := db.signIns(ada, people.SignInFilter{Text: "fireFOX"}); len(got) != 1 {
		t.Errorf("by browser: %+v", got)
	}
	if got := db.signIns(eva, people.SignInFilter{}); len(got) != 0 {
		t.Errorf("Eva's: %+v", got)
	}
	if n := db.count(`SELECT count(*) FROM audit WHERE verb = 'fail sign-in' AND person_id IS NULL`); n != 0 {
		t.Errorf("%d failed sign-ins of nobody are kept", n)
	}

	db.exec(`UPDATE people SET suspended_at = now(), suspended_reason = 'for a test' WHERE id = $1`, ada)
	_, _, err = db.People.SignIn(t.Context(), "ada@example.org", password, "192.0.2.7", "", "")
	storetest.WantRefusal(t, err, "suspended")
	if got := db.signIns(ada, people.SignInFilter{}); got[0].Why != "suspended" {
		t.Errorf("with the right password, suspended: %+v", got[0])
	}
}

// Ten an hour are kept, and one that says that there were more: rows of the log are never removed.
func TestFailedSignInsAreBounded(t *testing.T) {
	db := newMailed(t)
	ada, eva := createPerson(t, db.All, "ada"), createPerson(t, db.All, "eva")
	for range 13 {
		db.fail("ada@example.org", "sign_in", "198.51.100.9", "")
	}
	db.fail("eva@example.org", "sign_in", "198.51.100.9", "")
	list := db.signIns(ada, people.SignInFilter{})
	if len(list) != 11 || !list[0].More || slices.ContainsFunc(list[1:], func(r people.SignInRow) bool { return r.More }) {
		t.Errorf("%d are kept: %+v", len(list), list)
	}
	if got := db.signIns(eva, people.SignInFilter{}); len(got) != 1 {
		t.Errorf("of another person %d are kept", len(got))
	}
}

// The log of failed sign-ins tells nobody by its time whether an address has an account: the same statements run.
func TestFailedSignInsTakeTheSameWork(t *testing.T) {
	db := newMailed(t)
	ada := createPerson(t, db.All, "ada")
	web, asked := storetest.OpenNoted(t, db.pool, store.RoleWeb)
	work := func(email string) []string {
		t.Helper()
		asked.Taken()
		_, _, err := web.People.SignIn(t.Context(), email, password+"x", "192.0.2.7", "", "")
		storetest.WantRefusal(t, err, "sign_in")
		return asked.Taken()
	}
	known, unknown := work("ada@example.org"), work("nobody@example.org")
	if len(known) < 8 || !slices.Equal(known, unknown) {
		t.Errorf("for an address with an account:\n%s\nwithout one:\n%s", strings.Join(known, "\n"), strings.Join(unknown, "\n"))
	}
	for range 12 {
		db.fail("ada@example.org", "sign_in", "", "")
	}
	db.exec(`DELETE FROM sign_in_failures`)
	if full := work("ada@example.org"); !slices.Equal(full, unknown) {
		t.Errorf("where no more are kept:\n%s", strings.Join(full, "\n"))
	}
	if got := db.signIns(ada, people.SignInFilter{}); len(got) != 11 {
		t.Errorf("%d are kept", len(got))
	}
}
