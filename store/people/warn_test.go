package people_test

import (
	"testing"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"
	"volary.dev/store"
	"volary.dev/store/floors"
	"volary.dev/store/people"
	"volary.dev/store/storetest"
)

// warned counts a person's mails of a kind.
func warned(t *testing.T, db *floors.All, to string, kind store.MailKind) (n int) {
	t.Helper()
	err := db.Core.Pool().QueryRow(t.Context(), `SELECT count(*) FROM mails WHERE to_address = $1 AND kind = $2`, to, string(kind)).Scan(&n)
	storetest.NoError(t, err)
	return n
}

func TestPeopleHearOfKeysAndRoles(t *testing.T) {
	db := storetest.OpenAs(t, storetest.Pool(t), store.RoleWeb)
	ada, ben := createPerson(t, db, "ada"), createPerson(t, db, "ben")
	astro := storetest.Must[uuid.UUID](t)(db.People.CreateOrganization(t.Context(), uuid.Nil, "Astro"))
	storetest.Must[uuid.UUID](t)(db.People.AddSSHKey(t.Context(), ada, "laptop", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE1RrnnkX0fbbPvNI1BGKxJ8D8gOCjtnMuCPQbbX6ySx ada@laptop"))
	if n := warned(t, db, "ada@example.org", store.MailKeyAdded); n != 1 {
		t.Errorf("%d mails of a key", n)
	}
	storetest.NoError(t, db.People.AddMember(t.Context(), uuid.Nil, astro, ada, people.RoleOwner))
	storetest.NoError(t, db.People.AddMember(t.Context(), ada, astro, ben, people.RoleMember))
	for range 2 { // the second changes nothing
		storetest.NoError(t, db.People.ChangeMember(t.Context(), astro, ada, ben, people.RoleManager))
	}
	storetest.NoError(t, db.People.SetPlatformAdmin(t.Context(), ada, ben, true))
	storetest.NoError(t, db.People.SetPlatformAdmin(t.Context(), ada, ben, true))
	if a, b := warned(t, db, "ada@example.org", store.MailRoleGiven), warned(t, db, "ben@example.org", store.MailRoleGiven); a != 1 || b != 3 {
		t.Errorf("%d and %d mails of roles, want 1 and 3", a, b)
	}
	for i := range 20 { // back and forth
		storetest.NoError(t, db.People.ChangeMember(t.Context(), astro, ada, ben, []people.OrganizationRole{people.RoleMember, people.RoleManager}[i%2]))
	}
	if n := warned(t, db, "ben@example.org", store.MailRoleGiven); n != 10 {
		t.Errorf("%d mails within an hour, want at most 10", n)
	}
}

func TestPeopleHearOfNewPlaces(t *testing.T) {
	db := storetest.OpenAs(t, storetest.Pool(t), store.RoleWeb)
	createPerson(t, db, "ada")
	for _, c := range []struct {
		address string
		want    int
	}{
		{"192.0.2.7", 0}, // the first
		{"192.0.2.200", 0},
		{"198.51.100.1", 1},
		{"198.51.100.1", 1},
		{"2001:db8:1::1", 2},
		{"2001:db8:1:ffff::1", 2},
		{"192.0.2.7", 2},
		{"nonsense", 2},
	} {
		_, _, err := db.People.SignIn(t.Context(), "ada@example.org", password, c.address, "Firefox", "")
		storetest.NoError(t, err)
		if n := warned(t, db, "ada@example.org", store.MailNewPlace); n != c.want {
			t.Errorf("%s: %d mails, want %d", c.address, n, c.want)
		}
	}
	var both errgroup.Group
	for range 2 {
		both.Go(func() error {
			_, _, err := db.People.SignIn(t.Context(), "ada@example.org", password, "203.0.113.9", "Firefox", "")
			return err
		})
	}
	storetest.NoError(t, both.Wait())
}
