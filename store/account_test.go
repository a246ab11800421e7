package store_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"volary.dev/store"
)

func signedIn(t *testing.T, db *store.DB, name string) (token string, s store.Session) {
	t.Helper()
	token, s, err := db.SignIn(t.Context(), name+"@example.org", password, "192.0.2.7", "Firefox/140")
	noError(t, err)
	return token, s
}

func TestResetPassword(t *testing.T) {
	db := newMailed(t)
	createPerson(t, db.DB, "ada")
	session, _ := signedIn(t, db.DB, "ada")
	noError(t, db.RequestReset(t.Context(), "ADA@example.org", "192.0.2.7"))
	_, first := db.last("ada@example.org")
	noError(t, db.RequestReset(t.Context(), "ada@example.org", "192.0.2.7"))
	kind, token := db.last("ada@example.org")
	if kind != store.MailReset {
		t.Fatalf("mail %s", kind)
	}
	wantRefusal(t, db.ResetPassword(t.Context(), first, "another good one"), "link")
	if r := wantRefusal(t, db.ResetPassword(t.Context(), token, "password123"), "invalid"); r.Fields["password"] == "" {
		t.Errorf("fields %v", r.Fields)
	}
	codes := codesAtOnce(t, 4, func() error { return db.ResetPassword(t.Context(), token, "another good one") })
	if codes[""] != 1 || codes["link"] != 3 {
		t.Errorf("a link used four times at once: %v", codes)
	}
	_, err := db.SessionByToken(t.Context(), session)
	wantRefusal(t, err, "not_found")
	_, _, err = db.SignIn(t.Context(), "ada@example.org", password, "", "")
	wantRefusal(t, err, "sign_in")
	_, _, err = db.SignIn(t.Context(), "ada@example.org", "another good one", "", "")
	noError(t, err)

	noError(t, db.RequestReset(t.Context(), "ada@example.org", "192.0.2.7"))
	_, late := db.last("ada@example.org")
	db.exec(`UPDATE mail_tokens SET expires_at = now()`)
	if r := wantRefusal(t, db.ResetPassword(t.Context(), late, "yet another one"), "link"); !strings.Contains(r.Title, "expired") {
		t.Errorf("an expired link: %q", r.Title)
	}
}

func TestChangePassword(t *testing.T) {
	db := newMailed(t)
	createPerson(t, db.DB, "ada")
	other, _ := signedIn(t, db.DB, "ada")
	mine, s := signedIn(t, db.DB, "ada")
	err := db.ChangePassword(t.Context(), s, "not the password", "another good one", "")
	if r := wantRefusal(t, err, "invalid"); r.Fields["current"] == "" {
		t.Errorf("fields %v", r.Fields)
	}
	wantRefusal(t, db.ChangePassword(t.Context(), s, password, "ada@example.org", ""), "invalid")
	noError(t, db.ChangePassword(t.Context(), s, password, "another good one", ""))
	must[store.Session](t)(db.SessionByToken(t.Context(), mine))
	_, err = db.SessionByToken(t.Context(), other)
	wantRefusal(t, err, "not_found")
	wantRefusal(t, db.ChangeName(t.Context(), s.PersonID, ""), "invalid")
	noError(t, db.ChangeName(t.Context(), s.PersonID, "Ada L."))
	if again := must[store.Session](t)(db.SessionByToken(t.Context(), mine)); again.Name != "Ada L." {
		t.Errorf("session %+v", again)
	}
}

func TestChangeEmail(t *testing.T) {
	db := newMailed(t)
	createPerson(t, db.DB, "ada")
	createPerson(t, db.DB, "ben")
	token, s := signedIn(t, db.DB, "ada")
	other, _ := signedIn(t, db.DB, "ada")
	wantRefusal(t, db.RequestEmail(t.Context(), s, "ada@example.org", password, ""), "invalid")
	wantRefusal(t, db.RequestEmail(t.Context(), s, "new@example.org", "not the password", ""), "invalid")
	// An address of someone else: nothing is told, and nobody gets a link.
	noError(t, db.RequestEmail(t.Context(), s, "ben@example.org", password, ""))
	if kind, link := db.last("ben@example.org"); kind != store.MailAccountKnown || link != "" {
		t.Errorf("ben is written %s with %q", kind, link)
	}
	noError(t, db.RequestReset(t.Context(), "ada@example.org", ""))
	_, reset := db.last("ada@example.org")
	noError(t, db.RequestEmail(t.Context(), s, "New@example.org", password, ""))
	kind, link := db.last("new@example.org")
	if kind != store.MailConfirmEmail {
		t.Fatalf("mail %s", kind)
	}
	noError(t, db.ConfirmEmail(t.Context(), link, s.ID))
	if again := must[store.Session](t)(db.SessionByToken(t.Context(), token)); again.Email != "new@example.org" {
		t.Errorf("session %+v", again)
	}
	_, err := db.SessionByToken(t.Context(), other)
	wantRefusal(t, err, "not_found")
	wantRefusal(t, db.ResetPassword(t.Context(), reset, "another good one"), "link")
	wantRefusal(t, db.ConfirmEmail(t.Context(), link, s.ID), "link")
	if kind, _ := db.last("ada@example.org"); kind != store.MailEmailChanged {
		t.Errorf("the old address is written %s", kind)
	}
}

// A new address that someone else confirmed meanwhile stays theirs.
func TestChangeEmailTooLate(t *testing.T) {
	db := newMailed(t)
	createPerson(t, db.DB, "ada")
	_, s := signedIn(t, db.DB, "ada")
	noError(t, db.RequestEmail(t.Context(), s, "ben@example.org", password, ""))
	_, link := db.last("ben@example.org")
	createPerson(t, db.DB, "ben")
	wantRefusal(t, db.ConfirmEmail(t.Context(), link, uuid.Nil), "link")
	must[store.Person](t)(db.PersonByEmail(t.Context(), "ada@example.org"))
}

func TestSessions(t *testing.T) {
	db := newMailed(t)
	ada := createPerson(t, db.DB, "ada")
	createPerson(t, db.DB, "ben")
	_, first := signedIn(t, db.DB, "ada")
	token, second := signedIn(t, db.DB, "ada")
	foreignToken, foreign := signedIn(t, db.DB, "ben")
	list, total, err := db.Sessions(t.Context(), ada, store.SessionFilter{Sorting: store.Sorting{By: "created"}, Page: store.Page{Limit: 1}})
	noError(t, err)
	if total != 2 || len(list) != 1 || list[0].ID != first.ID || list[0].UserAgent != "Firefox/140" || list[0].Address.String() != "192.0.2.7" {
		t.Errorf("%d sessions, %+v", total, list)
	}
	_, total, err = db.Sessions(t.Context(), ada, store.SessionFilter{Page: store.Page{Limit: 1, Offset: 7}})
	noError(t, err)
	if total != 2 {
		t.Errorf("%d sessions behind the end of the list", total)
	}
	for typed, want := range map[string]int{"FIREFOX": 2, "192.0.2": 2, "lynx": 0, "%": 0} {
		if _, total, err = db.Sessions(t.Context(), ada, store.SessionFilter{Text: typed}); err != nil || total != want {
			t.Errorf("%d sessions of %q, %v; want %d", total, typed, err, want)
		}
	}
	wantRefusal(t, db.EndSession(t.Context(), ada, foreign.ID), "not_found")
	noError(t, db.EndSession(t.Context(), ada, first.ID))
	signedIn(t, db.DB, "ada")
	signedIn(t, db.DB, "ada")
	if n := must[int](t)(db.EndOtherSessions(t.Context(), ada, second.ID)); n != 2 {
		t.Errorf("%d others ended, want 2", n)
	}
	must[store.Session](t)(db.SessionByToken(t.Context(), token))
	must[store.Session](t)(db.SessionByToken(t.Context(), foreignToken))
}

func TestFoundOrganization(t *testing.T) {
	db := newMailed(t)
	createPerson(t, db.DB, "ada")
	token, s := signedIn(t, db.DB, "ada")
	noError(t, db.FoundOrganization(t.Context(), s, "Astro"))
	if s = must[store.Session](t)(db.SessionByToken(t.Context(), token)); s.OrganizationName != "Astro" || s.OrganizationRole != store.RoleOwner {
		t.Errorf("session %+v", s)
	}
	wantRefusal(t, db.FoundOrganization(t.Context(), s, "Astro"), "duplicate")
	wantRefusal(t, db.FoundOrganization(t.Context(), s, "A"), "invalid")
	for _, name := range []string{"Bio", "Chem", "Dyn", "Eco"} {
		noError(t, db.FoundOrganization(t.Context(), s, name))
	}
	wantRefusal(t, db.FoundOrganization(t.Context(), s, "Fluid"), "organizations")
}
