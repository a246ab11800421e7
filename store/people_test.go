package store_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"
	"volary.dev/provisioner"
	"volary.dev/store"
	"volary.dev/store/storetest"
)

const password = "a volary of birds"

// wantRefusal fails unless err is a refusal with code; it returns it for a look at its words.
func wantRefusal(t *testing.T, err error, code string) *provisioner.Refusal {
	t.Helper()
	r, ok := provisioner.AsRefusal(err)
	if !ok || r.Code != code {
		t.Fatalf("error %v, want refusal %q", err, code)
	}
	if r.Title == "" || r.Next == "" {
		t.Errorf("refusal %q has no sentence or no next step: %+v", code, r)
	}
	return r
}

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func noError(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func createPerson(t *testing.T, db *store.DB, name string) uuid.UUID {
	t.Helper()
	return must[uuid.UUID](t)(db.CreatePerson(t.Context(), uuid.Nil, store.NewPerson{
		Email: strings.ToUpper(name) + "@example.org", Name: name, Password: password,
	}))
}

func TestCreatePerson(t *testing.T) {
	db := storetest.New(t)
	id := createPerson(t, db, "ada")
	p := must[store.Person](t)(db.PersonByEmail(t.Context(), " Ada@example.org"))
	if p.ID != id || p.Email != "ada@example.org" || p.Name != "ada" {
		t.Errorf("person %+v", p)
	}
	_, err := db.PersonByEmail(t.Context(), "ben@example.org")
	wantRefusal(t, err, "not_found")
	_, err = db.CreatePerson(t.Context(), uuid.Nil, store.NewPerson{Email: "ada@example.org", Name: "Ada", Password: password})
	wantRefusal(t, err, "duplicate")
	_, err = db.CreatePerson(t.Context(), uuid.Nil, store.NewPerson{Email: "Ada <ada@example.org>", Name: "a\nb", Password: "short"})
	r := wantRefusal(t, err, "invalid")
	for _, field := range []string{"email", "name", "password"} {
		if r.Fields[field] == "" {
			t.Errorf("no sentence for %s: %v", field, r.Fields)
		}
	}
}

func TestSignInAndOut(t *testing.T) {
	db := storetest.New(t)
	ada := createPerson(t, db, "ada")
	astro := must[uuid.UUID](t)(db.CreateOrganization(t.Context(), uuid.Nil, "Astro"))
	noError(t, db.AddMember(t.Context(), uuid.Nil, astro, ada, store.RoleOwner))

	token, s, err := db.SignIn(t.Context(), "Ada@Example.org", password, "192.0.2.7", "curl")
	noError(t, err)
	if s.PersonID != ada || s.OrganizationID == nil || *s.OrganizationID != astro || s.OrganizationRole != store.RoleOwner || s.OrganizationName != "Astro" {
		t.Errorf("session %+v", s)
	}
	again := must[store.Session](t)(db.SessionByToken(t.Context(), token))
	if again.ID != s.ID {
		t.Errorf("session by token %+v", again)
	}
	noError(t, db.SignOut(t.Context(), s.ID))
	noError(t, db.SignOut(t.Context(), s.ID))
	_, err = db.SessionByToken(t.Context(), token)
	wantRefusal(t, err, "not_found")

	_, _, unknown := db.SignIn(t.Context(), "ben@example.org", password, "192.0.2.7", "")
	_, _, wrong := db.SignIn(t.Context(), "ada@example.org", password+"x", "192.0.2.7", "")
	if a, b := wantRefusal(t, unknown, "sign_in"), wantRefusal(t, wrong, "sign_in"); a.Title != b.Title {
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
			_, _, err := db.SignIn(t.Context(), "ada@example.org", "wrong password", "192.0.2.7", "")
			r, ok := provisioner.AsRefusal(err)
			if !ok {
				return err
			}
			refused <- r.Code
			return nil
		})
	}
	noError(t, tries.Wait())
	close(refused)
	count := map[string]int{}
	for code := range refused {
		count[code]++
	}
	if count["sign_in"] != 8 || count["throttled"] != 12 {
		t.Errorf("twenty tries at once: %v", count)
	}
	_, _, err := db.SignIn(t.Context(), "ada@example.org", password, "192.0.2.8", "")
	wantRefusal(t, err, "throttled")
	createPerson(t, db, "ben")
	_, _, err = db.SignIn(t.Context(), "ben@example.org", password, "192.0.2.7", "")
	noError(t, err)
}

func TestSwitchWorkplace(t *testing.T) {
	db := storetest.New(t)
	ada := createPerson(t, db, "ada")
	astro := must[uuid.UUID](t)(db.CreateOrganization(t.Context(), uuid.Nil, "Astro"))
	bio := must[uuid.UUID](t)(db.CreateOrganization(t.Context(), uuid.Nil, "Bio"))
	foreign := must[uuid.UUID](t)(db.CreateOrganization(t.Context(), uuid.Nil, "Foreign"))
	provider := must[uuid.UUID](t)(db.CreateProvider(t.Context(), uuid.Nil, store.NewProvider{Name: "North", Currency: "EUR", AccountingZone: "Europe/Berlin"}))
	noError(t, db.AddMember(t.Context(), uuid.Nil, astro, ada, store.RoleMember))
	noError(t, db.AddMember(t.Context(), uuid.Nil, bio, ada, store.RoleBilling))
	noError(t, db.AddStaff(t.Context(), uuid.Nil, provider, ada, store.StaffOperator))
	token, s, err := db.SignIn(t.Context(), "ada@example.org", password, "", "")
	noError(t, err)

	noError(t, db.SwitchOrganization(t.Context(), s.ID, bio))
	if s = must[store.Session](t)(db.SessionByToken(t.Context(), token)); *s.OrganizationID != bio || s.OrganizationRole != store.RoleBilling {
		t.Errorf("session %+v", s)
	}
	noError(t, db.SwitchProvider(t.Context(), s.ID, provider))
	if s = must[store.Session](t)(db.SessionByToken(t.Context(), token)); s.OrganizationID != nil || *s.ProviderID != provider || s.ProviderRole != store.StaffOperator {
		t.Errorf("session %+v", s)
	}
	wantRefusal(t, db.SwitchOrganization(t.Context(), s.ID, foreign), "not_found")
	wantRefusal(t, db.SwitchProvider(t.Context(), s.ID, foreign), "not_found")

	w := must[store.Workplaces](t)(db.Workplaces(t.Context(), ada))
	if len(w.Organizations) != 2 || w.Organizations[1].Name != "Bio" || len(w.Providers) != 1 || w.Providers[0].Role != "operator" {
		t.Errorf("workplaces %+v", w)
	}
}

func TestOrganizationsAndProviders(t *testing.T) {
	db := storetest.New(t)
	ada := createPerson(t, db, "ada")
	astro := must[uuid.UUID](t)(db.CreateOrganization(t.Context(), ada, "Astro"))
	if id := must[uuid.UUID](t)(db.OrganizationByName(t.Context(), "Astro")); id != astro {
		t.Errorf("organization by name %s", id)
	}
	_, err := db.CreateOrganization(t.Context(), ada, "Astro")
	wantRefusal(t, err, "duplicate")
	_, err = db.CreateOrganization(t.Context(), ada, " ")
	wantRefusal(t, err, "invalid")
	wantRefusal(t, db.AddMember(t.Context(), ada, astro, ada, "king"), "invalid")
	wantRefusal(t, db.AddMember(t.Context(), ada, astro, uuid.New(), store.RoleMember), "not_found")

	north := store.NewProvider{Name: "North", Currency: "EUR", AccountingZone: "Europe/Berlin"}
	id := must[uuid.UUID](t)(db.CreateProvider(t.Context(), ada, north))
	if p := must[store.Provider](t)(db.ProviderByName(t.Context(), "North")); p.ID != id || p.AccountingZone != "Europe/Berlin" {
		t.Errorf("provider %+v", p)
	}
	if p := must[store.Provider](t)(db.Provider(t.Context(), id)); p.Currency != "EUR" {
		t.Errorf("provider %+v", p)
	}
	_, err = db.CreateProvider(t.Context(), ada, north)
	wantRefusal(t, err, "duplicate")
	_, err = db.CreateProvider(t.Context(), ada, store.NewProvider{Name: "S", Currency: "euro", AccountingZone: "Mars"})
	if r := wantRefusal(t, err, "invalid"); len(r.Fields) != 3 {
		t.Errorf("fields %v", r.Fields)
	}
	wantRefusal(t, db.AddStaff(t.Context(), ada, id, ada, "owner"), "invalid")
	wantRefusal(t, db.AddStaff(t.Context(), ada, uuid.New(), ada, store.StaffAdmin), "not_found")
}

func TestSSHKeys(t *testing.T) {
	db := storetest.New(t)
	ada, ben := createPerson(t, db, "ada"), createPerson(t, db, "ben")
	const line = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE1RrnnkX0fbbPvNI1BGKxJ8D8gOCjtnMuCPQbbX6ySx ada@laptop"
	id := must[uuid.UUID](t)(db.AddSSHKey(t.Context(), ada, "", line+"\n"))
	keys, total, err := db.SSHKeys(t.Context(), ada, store.SSHKeyFilter{Search: "LAPTOP", Sorting: store.Sorting{By: "name"}})
	noError(t, err)
	if len(keys) != 1 || total != 1 || keys[0].Name != "ada@laptop" || keys[0].PublicKey != line || !strings.HasPrefix(keys[0].Fingerprint, "SHA256:") {
		t.Errorf("keys %+v", keys)
	}
	if none, total, err := db.SSHKeys(t.Context(), ada, store.SSHKeyFilter{Search: "desk"}); err != nil || len(none) != 0 || total != 0 {
		t.Errorf("a search finds %+v, %d, %v", none, total, err)
	}
	if beyond, total, err := db.SSHKeys(t.Context(), ada, store.SSHKeyFilter{Page: store.Page{Offset: 50}}); err != nil || len(beyond) != 0 || total != 1 {
		t.Errorf("behind the end are %+v of %d, %v", beyond, total, err)
	}
	_, err = db.AddSSHKey(t.Context(), ada, "again", line)
	wantRefusal(t, err, "duplicate")
	_, err = db.AddSSHKey(t.Context(), ben, "of another person", line)
	noError(t, err)
	for _, bad := range []string{"", "hello", line + "\n" + line, `command="rm" ` + line, "-----BEGIN OPENSSH PRIVATE KEY-----"} {
		_, err := db.AddSSHKey(t.Context(), ada, "bad", bad)
		if r := wantRefusal(t, err, "invalid"); r.Fields["public_key"] == "" {
			t.Errorf("%q: %v", bad, r.Fields)
		}
	}
	wantRefusal(t, db.DeleteSSHKey(t.Context(), ben, id), "not_found")
	noError(t, db.DeleteSSHKey(t.Context(), ada, id))
	wantRefusal(t, db.DeleteSSHKey(t.Context(), ada, id), "not_found")
}
