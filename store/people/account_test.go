package people_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"volary.dev/store"
	"volary.dev/store/floors"
	"volary.dev/store/people"
	"volary.dev/store/storetest"
)

func signedIn(t *testing.T, db *floors.All, name string) (token string, s people.Session) {
	t.Helper()
	token, s, err := db.People.SignIn(t.Context(), name+"@example.org", password, "192.0.2.7", "Firefox/140", "")
	storetest.NoError(t, err)
	return token, s
}

func TestResetPassword(t *testing.T) {
	db := newMailed(t)
	createPerson(t, db.All, "ada")
	session, _ := signedIn(t, db.All, "ada")
	storetest.NoError(t, db.People.RequestReset(t.Context(), "ADA@example.org", "192.0.2.7"))
	_, first := db.last("ada@example.org")
	storetest.NoError(t, db.People.RequestReset(t.Context(), "ada@example.org", "192.0.2.7"))
	kind, token := db.last("ada@example.org")
	if kind != store.MailReset {
		t.Fatalf("mail %s", kind)
	}
	if l, err := db.People.ResetByToken(t.Context(), first); err != nil || l.Name == "" {
		t.Errorf("whoever asks for another link makes the first void: %v", err)
	}
	if r := storetest.WantRefusal(t, db.People.ResetPassword(t.Context(), token, "password123"), "invalid"); r.Fields["password"] == "" {
		t.Errorf("fields %v", r.Fields)
	}
	codes := codesAtOnce(t, 4, func() error { return db.People.ResetPassword(t.Context(), token, "another good one") })
	if codes[""] != 1 || codes["link"] != 3 {
		t.Errorf("a link used four times at once: %v", codes)
	}
	storetest.WantRefusal(t, db.People.ResetPassword(t.Context(), first, "another good one"), "link")
	_, err := db.People.SessionByToken(t.Context(), session)
	storetest.WantRefusal(t, err, "not_found")
	_, _, err = db.People.SignIn(t.Context(), "ada@example.org", password, "", "", "")
	storetest.WantRefusal(t, err, "sign_in")
	_, _, err = db.People.SignIn(t.Context(), "ada@example.org", "another good one", "", "", "")
	storetest.NoError(t, err)

	storetest.NoError(t, db.People.RequestReset(t.Context(), "ada@example.org", "192.0.2.7"))
	_, late := db.last("ada@example.org")
	db.exec(`UPDATE mail_tokens SET expires_at = now()`)
	if r := storetest.WantRefusal(t, db.People.ResetPassword(t.Context(), late, "yet another one"), "link"); !strings.Contains(r.Title, "expired") {
		t.Errorf("an expired link: %q", r.Title)
	}
}

func TestChangePassword(t *testing.T) {
	db := newMailed(t)
	createPerson(t, db.All, "ada")
	other, _ := signedIn(t, db.All, "ada")
	mine, s := signedIn(t, db.All, "ada")
	err := db.People.ChangePassword(t.Context(), s, "not the password", "another good one", "")
	if r := storetest.WantRefusal(t, err, "invalid"); r.Fields["current"] == "" {
		t.Errorf("fields %v", r.Fields)
	}
	storetest.WantRefusal(t, db.People.ChangePassword(t.Context(), s, password, "ada@example.org", ""), "invalid")
	storetest.NoError(t, db.People.ChangePassword(t.Context(), s, password, "another good one", ""))
	storetest.Must[people.Session](t)(db.People.SessionByToken(t.Context(), mine))
	_, err = db.People.SessionByToken(t.Context(), other)
	storetest.WantRefusal(t, err, "not_found")
	storetest.WantRefusal(t, db.People.ChangeName(t.Context(), s.PersonID, ""), "invalid")
	storetest.NoError(t, db.People.ChangeName(t.Context(), s.PersonID, "Ada L."))
	if again := storetest.Must[people.Session](t)(db.People.SessionByToken(t.Context(), mine)); again.Name != "Ada L." {
		t.Errorf("session %+v", again)
	}
}

func TestChangeEmail(t *testing.T) {
	db := newMailed(t)
	createPerson(t, db.All, "ada")
	createPerson(t, db.All, "ben")
	token, s := signedIn(t, db.All, "ada")
	other, _ := signedIn(t, db.All, "ada")
	storetest.WantRefusal(t, db.People.RequestEmail(t.Context(), s, "ada@example.org", password, ""), "invalid")
	storetest.WantRefusal(t, db.People.RequestEmail(t.Context(), s, "new@example.org", "not the password", ""), "invalid")
	// An address of someone else: nothing is told, and nobody gets a link.
	storetest.NoError(t, db.People.RequestEmail(t.Context(), s, "ben@example.org", password, ""))
	if kind, link := db.last("ben@example.org"); kind != store.MailAccountKnown || link != "" {
		t.Errorf("ben is written %s with %q", kind, link)
	}
	storetest.NoError(t, db.People.RequestReset(t.Context(), "ada@example.org", ""))
	_, reset := db.last("ada@example.org")
	storetest.NoError(t, db.People.RequestEmail(t.Context(), s, "New@example.org", password, ""))
	kind, link := db.last("new@example.org")
	if kind != store.MailConfirmEmail {
		t.Fatalf("mail %s", kind)
	}
	storetest.NoError(t, db.People.ConfirmEmail(t.Context(), link, s.ID))
	if again := storetest.Must[people.Session](t)(db.People.SessionByToken(t.Context(), token)); again.Email != "new@example.org" {
		t.Errorf("session %+v", again)
	}
	_, err := db.People.SessionByToken(t.Context(), other)
	storetest.WantRefusal(t, err, "not_found")
	storetest.WantRefusal(t, db.People.ResetPassword(t.Context(), reset, "another good one"), "link")
	storetest.WantRefusal(t, db.People.ConfirmEmail(t.Context(), link, s.ID), "link")
	if kind, _ := db.last("ada@example.org"); kind != store.MailEmailChanged {
		t.Errorf("the old address is written %s", kind)
	}
}

// A new address that someone else confirmed meanwhile stays theirs.
func TestChangeEmailTooLate(t *testing.T) {
	db := newMailed(t)
	createPerson(t, db.All, "ada")
	_, s := signedIn(t, db.All, "ada")
	storetest.NoError(t, db.People.RequestEmail(t.Context(), s, "ben@example.org", password, ""))
	_, link := db.last("ben@example.org")
	createPerson(t, db.All, "ben")
	storetest.WantRefusal(t, db.People.ConfirmEmail(t.Context(), link, uuid.Nil), "link")
	storetest.Must[people.Person](t)(db.People.PersonByEmail(t.Context(), "ada@example.org"))
}

func TestSessions(t *testing.T) {
	db := newMailed(t)
	ada := createPerson(t, db.All, "ada")
	createPerson(t, db.All, "ben")
	_, first := signedIn(t, db.All, "ada")
	token, second := signedIn(t, db.All, "ada")
	foreignToken, foreign := signedIn(t, db.All, "ben")
	list, total, err := db.People.Sessions(t.Context(), ada, people.SessionFilter{Sorting: store.Sorting{By: "created"}, Page: store.Page{Limit: 1}})
	storetest.NoError(t, err)
	if total != 2 || len(list) != 1 || list[0].ID != first.ID || list[0].UserAgent != "Firefox/140" || list[0].Address.String() != "192.0.2.7" {
		t.Errorf("%d sessions, %+v", total, list)
	}
	_, total, err = db.People.Sessions(t.Context(), ada, people.SessionFilter{Page: store.Page{Limit: 1, Offset: 7}})
	storetest.NoError(t, err)
	if total != 2 {
		t.Errorf("%d sessions behind the end of the list", total)
	}
	for typed, want := range map[string]int{"FIREFOX": 2, "192.0.2": 2, "lynx": 0, "%": 0} {
		if _, total, err = db.People.Sessions(t.Context(), ada, people.SessionFilter{Text: typed}); err != nil || total != want {
			t.Errorf("%d sessions of %q, %v; want %d", total, typed, err, want)
		}
	}
	storetest.WantRefusal(t, db.People.EndSession(t.Context(), ada, foreign.ID), "not_found")
	storetest.NoError(t, db.People.EndSession(t.Context(), ada, first.ID))
	signedIn(t, db.All, "ada")
	signedIn(t, db.All, "ada")
	if n := storetest.Must[int](t)(db.People.EndOtherSessions(t.Context(), ada, second.ID)); n != 2 {
		t.Errorf("%d others ended, want 2", n)
	}
	storetest.Must[people.Session](t)(db.People.SessionByToken(t.Context(), token))
	storetest.Must[people.Session](t)(db.People.SessionByToken(t.Context(), foreignToken))
}

func TestFoundOrganization(t *testing.T) {
	db := newMailed(t)
	createPerson(t, db.All, "ada")
	token, s := signedIn(t, db.All, "ada")
	storetest.NoError(t, db.People.FoundOrganization(t.Context(), s, "Astro"))
	if s = storetest.Must[people.Session](t)(db.People.SessionByToken(t.Context(), token)); s.OrganizationName != "Astro" || s.OrganizationRole != people.RoleOwner {
		t.Errorf("session %+v", s)
	}
	storetest.WantRefusal(t, db.People.FoundOrganization(t.Context(), s, "Astro"), "duplicate")
	storetest.WantRefusal(t, db.People.FoundOrganization(t.Context(), s, "A"), "invalid")
	for _, name := range []string{"Bio", "Chem", "Dyn", "Eco"} {
		storetest.NoError(t, db.People.FoundOrganization(t.Context(), s, name))
	}
	storetest.WantRefusal(t, db.People.FoundOrganization(t.Context(), s, "Fluid"), "organizations")
}
