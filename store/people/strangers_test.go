package people_test

import (
	"fmt"
	"testing"

	"github.com/google/uuid"

	"volary.dev/provisioner/refusal"
	"volary.dev/store/people"
	"volary.dev/store/storetest"
)

// strangers have tried the password of an account from many networks until none of them may any more.
func (m mailed) strangers(email string) {
	m.t.Helper()
	m.exec(`INSERT INTO sign_in_failures (key, at) SELECT 'email:' || $1::text, now() FROM generate_series(1, 100)`, email)
}

// What strangers try from elsewhere keeps the right person out of nothing: not in a browser that is known, nor in a place
// where they signed in before, nor where they are signed in, nor by a link in a mail.
func TestStrangersKeepNobodyOut(t *testing.T) {
	m := newMailed(t)
	db := m.All
	ada := createPerson(t, db, "ada")
	const email, home, abroad = "ada@example.org", "192.0.2.7", "203.0.113.9"
	token, _, err := db.People.SignIn(t.Context(), email, password, home, "Firefox", "")
	storetest.NoError(t, err)
	device := storetest.Must[string](t)(db.People.KnowDevice(t.Context(), ada, ""))
	if again := storetest.Must[string](t)(db.People.KnowDevice(t.Context(), ada, device)); again != device {
		t.Error("a known device gets another token")
	}
	m.strangers(email)

	_, _, err = db.People.SignIn(t.Context(), email, password, abroad, "", "")
	storetest.WantRefusal(t, err, "throttled") // nobody knows that it is she
	other := storetest.Must[string](t)(db.People.KnowDevice(t.Context(), createPerson(t, db, "ben"), ""))
	_, _, err = db.People.SignIn(t.Context(), email, password, abroad, "", other)
	storetest.WantRefusal(t, err, "throttled") // a device of somebody else
	for what, in := range map[string][2]string{"in a known browser": {abroad, device}, "in a known place": {home, ""}} {
		if _, _, err := db.People.SignIn(t.Context(), email, password, in[0], "", in[1]); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		m.strangers(email)
	}
	s := storetest.Must[people.Session](t)(db.People.SessionByToken(t.Context(), token))
	storetest.NoError(t, db.People.RepeatPassword(t.Context(), s, password, abroad))

	storetest.NoError(t, db.People.RequestReset(t.Context(), email, home))
	_, first := m.last(email)
	for n := range 4 {
		storetest.NoError(t, db.People.RequestReset(t.Context(), email, fmt.Sprintf("198.51.100.%d", n)))
	}
	storetest.NoError(t, db.People.ResetPassword(t.Context(), first, "another good password"))
	_, _, err = db.People.SignIn(t.Context(), email, "another good password", abroad, "", "")
	storetest.NoError(t, err)
}

// A known browser, a place and a session each have eight tries of their own.
func TestOwnTriesAreBounded(t *testing.T) {
	db := storetest.New(t)
	ada := createPerson(t, db, "ada")
	const email, home = "ada@example.org", "192.0.2.7"
	_, s, err := db.People.SignIn(t.Context(), email, password, home, "Firefox", "")
	storetest.NoError(t, err)
	device := storetest.Must[string](t)(db.People.KnowDevice(t.Context(), ada, ""))
	// Ten failures an hour are kept: the session's come first.
	for _, c := range []struct {
		what string
		try  func() error
	}{
		{"session", func() error { return db.People.RepeatPassword(t.Context(), s, "wrong password", home) }},
		{"browser", func() error {
			_, _, err := db.People.SignIn(t.Context(), email, "wrong password", "203.0.113.9", "", device)
			return err
		}},
		{"place", func() error {
			_, _, err := db.People.SignIn(t.Context(), email, "wrong password", home, "", "")
			return err
		}},
	} {
		for range 8 {
			if r, ok := refusal.As(c.try()); !ok || r.Code == "throttled" {
				t.Fatalf("%s: %v", c.what, r)
			}
		}
		storetest.WantRefusal(t, c.try(), "throttled")
	}
	list, _, err := db.People.SignIns(t.Context(), ada, people.SignInFilter{Outcome: people.SignInOutcomeFailed})
	again := 0
	for _, x := range list {
		if x.Why == "again" {
			again++
		}
	}
	if err != nil || again == 0 {
		t.Errorf("no wrong password of who is signed in is listed: %+v, %v", list, err)
	}
}

func TestDevicesAreBounded(t *testing.T) {
	db := storetest.New(t)
	ada := createPerson(t, db, "ada")
	for range 25 {
		storetest.Must[string](t)(db.People.KnowDevice(t.Context(), ada, uuid.NewString()))
	}
	if n := storetest.Must[int](t)(db.Core.Count(t.Context(), `SELECT count(*) FROM devices`)); n != 20 {
		t.Errorf("%d devices", n)
	}
}
