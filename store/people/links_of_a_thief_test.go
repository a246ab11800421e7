package people_test

import (
	"testing"

	"volary.dev/store/people"
	"volary.dev/store/storetest"
)

// Who knew a password asked for the account to be moved to an address of theirs. Once the owner has another password, that link
// moves nothing.
func TestAnotherPasswordEndsTheLinksOfTheOld(t *testing.T) {
	for name, choose := range map[string]func(db mailed, s people.Session) error{
		"changed": func(db mailed, s people.Session) error {
			return db.People.ChangePassword(t.Context(), s, password, "another good one", "")
		},
		"reset": func(db mailed, _ people.Session) error {
			storetest.NoError(t, db.People.RequestReset(t.Context(), "ada@example.org", "192.0.2.7"))
			_, token := db.last("ada@example.org")
			return db.People.ResetPassword(t.Context(), token, "another good one")
		},
	} {
		db := newMailed(t)
		createPerson(t, db.All, "ada")
		_, thief := signedIn(t, db.All, "ada")
		_, ada := signedIn(t, db.All, "ada")
		storetest.NoError(t, db.People.RequestEmail(t.Context(), thief, "thief@example.net", password, "203.0.113.9"))
		_, link := db.last("thief@example.net")
		storetest.NoError(t, db.People.RequestReset(t.Context(), "ada@example.org", "203.0.113.9"))
		_, reset := db.last("ada@example.org")
		storetest.NoError(t, choose(db, ada))
		storetest.WantRefusal(t, db.People.ConfirmEmail(t.Context(), link, thief.ID), "link")
		storetest.WantRefusal(t, db.People.ResetPassword(t.Context(), reset, "one of the thief's"), "link")
		if _, _, err := db.People.SignIn(t.Context(), "ada@example.org", "another good one", "192.0.2.7", "Firefox/140", ""); err != nil {
			t.Errorf("%s: ada signs in no more: %v", name, err)
		}
	}
}
