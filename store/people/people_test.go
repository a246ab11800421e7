package people_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
	"volary.dev/store/floors"
	"volary.dev/store/people"
	"volary.dev/store/storetest"
)

const password = "a volary of birds"

// Must gives the value of a call that must not fail.

// NoError fails where err is one.

func createPerson(t *testing.T, db *floors.All, name string) uuid.UUID {
	t.Helper()
	return storetest.Must[uuid.UUID](t)(db.People.CreatePerson(t.Context(), uuid.Nil, people.NewPerson{
		Email: strings.ToUpper(name) + "@example.org", Name: name, Password: password,
	}))
}

func TestCreatePerson(t *testing.T) {
	db := storetest.New(t)
	id := createPerson(t, db, "ada")
	p := storetest.Must[people.Person](t)(db.People.PersonByEmail(t.Context(), " Ada@example.org"))
	if p.ID != id || p.Email != "ada@example.org" || p.Name != "ada" {
		t.Errorf("person %+v", p)
	}
	_, err := db.People.PersonByEmail(t.Context(), "ben@example.org")
	storetest.WantRefusal(t, err, "not_found")
	_, err = db.People.CreatePerson(t.Context(), uuid.Nil, people.NewPerson{Email: "ada@example.org", Name: "Ada", Password: password})
	storetest.WantRefusal(t, err, "duplicate")
	_, err = db.People.CreatePerson(t.Context(), uuid.Nil, people.NewPerson{Email: "Ada <ada@example.org>", Name: "a\nb", Password: "short"})
	r := storetest.WantRefusal(t, err, "invalid")
	for _, field := range []string{"email", "name", "password"} {
		if r.Fields[field] == "" {
			t.Errorf("no sentence for %s: %v", field, r.Fields)
		}
	}
}

func TestSignInAndOut(t *testing.T) {
	db := storetest.New(t)
	ada := createPerson(t, db, "ada")
	astro := storetest.Must[uuid.UUID](t)(db.People.CreateOrganization(t.Context(), uuid.Nil, "Astro"))
	storetest.NoError(t, db.People.AddMember(t.Context(), uuid.Nil, astro, ada, people.RoleOwner))

	token, s, err := db.People.SignIn(t.Context(), "Ada@Example.org", password, "192.0.2.7", "curl", "")
	storetest.NoError(t, err)
	if s.PersonID != ada || s.OrganizationID == nil || *s.OrganizationID != astro || s.OrganizationRole != people.RoleOwner || s.OrganizationName != "Astro" {
		t.Errorf("session %+v", s)
	}
	again := storetest.Must[people.Session](t)(db.People.SessionByToken(t.Context(), token))
	if again.ID != s.ID {
		t.Errorf("session by token %+v", again)
	}
	storetest.NoError(t, db.People.SignOut(t.Context(), s.ID))
	storetest.NoError(t, db.People.SignOut(t.Context(), s.ID))
	_, err = db.People.SessionByToken(t.Context(), token)
	storetest.WantRefusal(t, err, "not_found")

	_, _, unknown := db.People.SignIn(t.Context(), "ben@example.org", password, "192.0.2.7", "", "")
	_, _, wrong := db.People.SignIn(t.Context(), "ada@example.org", password+"x", "192.0.2.7", "", "")
	if a, b := storetest.WantRefusal(t, unknown, "sign_in"), storetest.WantRefusal(t, wrong, "sign_in"); a.Title != b.Title {
		t.Errorf("an unknown e-mail is told apart: %q and %q", a.Title, b.Title)
	}
}

func TestSignInIsThrottled(t *testing.T) {
	db := storetest.New(t)
	createPerson(t, db, "ada")
	refused := make(chan string, 20)
	var tries errgroup.Group
	for range cap(refused) {
		tries.Go(func() error {
			_, _, err := db.People.SignIn(t.Context(), "ada@example.org", "wrong password", "192.0.2.7", "", "")
			r, ok := refusal.As(err)
			if !ok {
				return err
			}
			refused <- r.Code
			return nil
		})
	}
	storetest.NoError(t, tries.Wait())
	close(refused)
	count := map[string]int{}
	for code := range refused {
		count[code]++
	}
	if count["sign_in"] != 8 || count["throttled"] != 12 {
		t.Errorf("twenty tries at once: %v", count)
	}
	_, _, err := db.People.SignIn(t.Context(), "ada@example.org", password, "192.0.2.7", "", "")
	storetest.WantRefusal(t, err, "throttled")
	_, _, err = db.People.SignIn(t.Context(), "ada@example.org", password, "192.0.2.8", "", "")
	storetest.NoError(t, err) // what one address used up is not the other's
	createPerson(t, db, "ben")
	_, _, err = db.People.SignIn(t.Context(), "ben@example.org", password, "192.0.2.7", "", "")
	storetest.NoError(t, err)
}

func TestSwitchWorkplace(t *testing.T) {
	db := storetest.New(t)
	ada := createPerson(t, db, "ada")
	astro := storetest.Must[uuid.UUID](t)(db.People.CreateOrganization(t.Context(), uuid.Nil, "Astro"))
	bio := storetest.Must[uuid.UUID](t)(db.People.CreateOrganization(t.Context(), uuid.Nil, "Bio"))
	foreign := storetest.Must[uuid.UUID](t)(db.People.CreateOrganization(t.Context(), uuid.Nil, "Foreign"))
	provider := storetest.Must[uuid.UUID](t)(db.People.CreateProvider(t.Context(), uuid.Nil, people.NewProvider{Name: "North", Currency: "EUR", AccountingZone: "Europe/Berlin"}))
	storetest.NoError(t, db.People.AddMember(t.Context(), uuid.Nil, astro, ada, people.RoleMember))
	storetest.NoError(t, db.People.AddMember(t.Context(), uuid.Nil, bio, ada, people.RoleBilling))
	storetest.NoError(t, db.People.AddStaff(t.Context(), uuid.Nil, provider, ada, people.StaffOperator))
	token, s, err := db.People.SignIn(t.Context(), "ada@example.org", password, "", "", "")
	storetest.NoError(t, err)

	storetest.NoError(t, db.People.SwitchOrganization(t.Context(), s.ID, bio))
	if s = storetest.Must[people.Session](t)(db.People.SessionByToken(t.Context(), token)); *s.OrganizationID != bio || s.OrganizationRole != people.RoleBilling {
		t.Errorf("session %+v", s)
	}
	storetest.NoError(t, db.People.SwitchProvider(t.Context(), s.ID, provider))
	if s = storetest.Must[people.Session](t)(db.People.SessionByToken(t.Context(), token)); s.OrganizationID != nil || *s.ProviderID != provider || s.ProviderRole != people.StaffOperator {
		t.Errorf("session %+v", s)
	}
	storetest.WantRefusal(t, db.People.SwitchOrganization(t.Context(), s.ID, foreign), "not_found")
	storetest.WantRefusal(t, db.People.SwitchProvider(t.Context(), s.ID, foreign), "not_found")

	w := storetest.Must[people.Workplaces](t)(db.People.Workplaces(t.Context(), ada))
	if len(w.Organizations) != 2 || w.Organizations[1].Name != "Bio" || len(w.Providers) != 1 || w.Providers[0].Role != "operator" {
		t.Errorf("workplaces %+v", w)
	}
}

func TestOrganizationsAndProviders(t *testing.T) {
	db := storetest.New(t)
	ada := createPerson(t, db, "ada")
	astro := storetest.Must[uuid.UUID](t)(db.People.CreateOrganization(t.Context(), ada, "Astro"))
	if id := storetest.Must[uuid.UUID](t)(db.People.OrganizationByName(t.Context(), "Astro")); id != astro {
		t.Errorf("organization by name %s", id)
	}
	_, err := db.People.CreateOrganization(t.Context(), ada, "Astro")
	storetest.WantRefusal(t, err, "duplicate")
	_, err = db.People.CreateOrganization(t.Context(), ada, " ")
	storetest.WantRefusal(t, err, "invalid")
	storetest.WantRefusal(t, db.People.AddMember(t.Context(), ada, astro, ada, "king"), "invalid")
	storetest.WantRefusal(t, db.People.AddMember(t.Context(), ada, astro, uuid.New(), people.RoleMember), "not_found")

	north := people.NewProvider{Name: "North", Currency: "EUR", AccountingZone: "Europe/Berlin"}
	id := storetest.Must[uuid.UUID](t)(db.People.CreateProvider(t.Context(), ada, north))
	if p := storetest.Must[people.Provider](t)(db.People.ProviderByName(t.Context(), "North")); p.ID != id || p.AccountingZone != "Europe/Berlin" {
		t.Errorf("provider %+v", p)
	}
	if p := storetest.Must[people.Provider](t)(db.People.Provider(t.Context(), id)); p.Currency != "EUR" {
		t.Errorf("provider %+v", p)
	}
	_, err = db.People.CreateProvider(t.Context(), ada, north)
	storetest.WantRefusal(t, err, "duplicate")
	_, err = db.People.CreateProvider(t.Context(), ada, people.NewProvider{Name: "S", Currency: "euro", AccountingZone: "Mars"})
	if r := storetest.WantRefusal(t, err, "invalid"); len(r.Fields) != 3 {
		t.Errorf("fields %v", r.Fields)
	}
	storetest.WantRefusal(t, db.People.AddStaff(t.Context(), ada, id, ada, "owner"), "invalid")
	storetest.WantRefusal(t, db.People.AddStaff(t.Context(), ada, uuid.New(), ada, people.StaffAdmin), "not_found")
}

func TestSSHKeys(t *testing.T) {
	db := storetest.New(t)
	ada, ben := createPerson(t, db, "ada"), createPerson(t, db, "ben")
	const line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE1RrnnkX0fbbPvNI1BGKxJ8D8gOCjtnMuCPQbbX6ySx ada@laptop"
	id := storetest.Must[uuid.UUID](t)(db.People.AddSSHKey(t.Context(), ada, "", line+"\n"))
	keys, total, err := db.People.SSHKeys(t.Context(), ada, people.SSHKeyFilter{Search: "LAPTOP", Sorting: store.Sorting{By: "name"}})
	storetest.NoError(t, err)
	if len(keys) != 1 || total != 1 || keys[0].Name != "ada@laptop" || keys[0].PublicKey != line || !strings.HasPrefix(keys[0].Fingerprint, "SHA256:") {
		t.Errorf("keys %+v", keys)
	}
	if none, total, err := db.People.SSHKeys(t.Context(), ada, people.SSHKeyFilter{Search: "desk"}); err != nil || len(none) != 0 || total != 0 {
		t.Errorf("a search finds %+v, %d, %v", none, total, err)
	}
	if beyond, total, err := db.People.SSHKeys(t.Context(), ada, people.SSHKeyFilter{Page: store.Page{Offset: 50}}); err != nil || len(beyond) != 0 || total != 1 {
		t.Errorf("behind the end are %+v of %d, %v", beyond, total, err)
	}
	_, err = db.People.AddSSHKey(t.Context(), ada, "again", line)
	storetest.WantRefusal(t, err, "duplicate")
	_, err = db.People.AddSSHKey(t.Context(), ben, "of another person", line)
	storetest.NoError(t, err)
	for _, bad := range []string{"", "hello", line + "\n" + line, `command="rm" ` + line, "-----BEGIN OPENSSH PRIVATE KEY-----"} {
		_, err := db.People.AddSSHKey(t.Context(), ada, "bad", bad)
		if r := storetest.WantRefusal(t, err, "invalid"); r.Fields["public_key"] == "" {
			t.Errorf("%q: %v", bad, r.Fields)
		}
	}
	storetest.WantRefusal(t, db.People.DeleteSSHKey(t.Context(), ben, id), "not_found")
	storetest.NoError(t, db.People.DeleteSSHKey(t.Context(), ada, id))
	storetest.WantRefusal(t, db.People.DeleteSSHKey(t.Context(), ada, id), "not_found")
}
