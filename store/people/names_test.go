package people_test

import (
	"encoding/base64"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/crypto/argon2"
	"golang.org/x/sync/errgroup"
	"golang.org/x/text/unicode/norm"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
	"volary.dev/store/floors"
	"volary.dev/store/people"
	"volary.dev/store/storetest"
)

func TestNamesThatLookLikeATakenOneAreRefused(t *testing.T) {
	db := storetest.New(t)
	first := storetest.Must[uuid.UUID](t)(db.People.CreateOrganization(t.Context(), uuid.Nil, "Universita\u0308t Ko\u0308ln"))
	for _, spelling := range []string{"Universit\u00e4t K\u00f6ln", "Universita\u0308t Ko\u0308ln"} {
		if got := storetest.Must[uuid.UUID](t)(db.People.OrganizationByName(t.Context(), spelling)); got != first {
			t.Errorf("%+q finds %s", spelling, got)
		}
	}
	storetest.Must[uuid.UUID](t)(db.People.CreateOrganization(t.Context(), uuid.Nil, "Heliophysics"))
	for _, name := range []string{"heliophysics", "Helio physics", "HELIO\u00a0PHYSICS", "He1iophysics", "Universit\u00e4t K\u00f6ln", "universit\u00e4tk\u00f6ln"} {
		_, err := db.People.CreateOrganization(t.Context(), uuid.Nil, name)
		storetest.WantRefusal(t, err, "duplicate")
	}
	for _, name := range []string{"\u200b\u200b", "\u3164\u3164", "\u202ecisyhP", "Heliophysics\u200b", "Helio\u200dphysics", "Heli\u043ephysics"} {
		_, err := db.People.CreateOrganization(t.Context(), uuid.Nil, name)
		if r := storetest.WantRefusal(t, err, "invalid"); r.Fields["name"] == "" {
			t.Errorf("%+q: no sentence: %v", name, r.Fields)
		}
	}
	for _, name := range []string{"O'Brien Lab", "D\u2019Arcy", "\u0645\u062e\u062a\u0628\u0631 \u0627\u0644\u0641\u064a\u0632\u064a\u0627\u0621"} {
		storetest.Must[uuid.UUID](t)(db.People.CreateOrganization(t.Context(), uuid.Nil, name))
	}
	storetest.Must[uuid.UUID](t)(db.People.CreateProvider(t.Context(), uuid.Nil, people.NewProvider{Name: "Heliophysics", Currency: "EUR", AccountingZone: "UTC"}))
	_, err := db.People.CreateProvider(t.Context(), uuid.Nil, people.NewProvider{Name: "heliophysics", Currency: "EUR", AccountingZone: "UTC"})
	storetest.WantRefusal(t, err, "duplicate")
}

func TestOneOfTwoTwinsAtOnceIsMade(t *testing.T) {
	db := storetest.New(t)
	var both errgroup.Group
	made := make(chan error, 2)
	for _, name := range []string{"Tidal Dynamics", "tidal dynamics"} {
		both.Go(func() error {
			_, err := db.People.CreateOrganization(t.Context(), uuid.Nil, name)
			made <- err
			return nil
		})
	}
	storetest.NoError(t, both.Wait())
	a, b := <-made, <-made
	if (a == nil) == (b == nil) {
		t.Errorf("%v, %v", a, b)
	}
}

func TestBothSpellingsOfADomainAreOnePerson(t *testing.T) {
	db := storetest.New(t)
	lena := storetest.Must[uuid.UUID](t)(db.People.CreatePerson(t.Context(), uuid.Nil, people.NewPerson{Email: "Lena@b\u00fccher.example", Name: "Lena", Password: password}))
	for _, email := range []string{"lena@b\u00fccher.example", "lena@bu\u0308cher.example", "lena@xn--bcher-kva.example"} {
		p := storetest.Must[people.Person](t)(db.People.PersonByEmail(t.Context(), email))
		if p.ID != lena || p.Email != "lena@xn--bcher-kva.example" {
			t.Errorf("%s is %+v", email, p)
		}
		_, _, err := db.People.SignIn(t.Context(), email, password, "192.0.2.7", "curl", "")
		storetest.NoError(t, err)
		_, err = db.People.CreatePerson(t.Context(), uuid.Nil, people.NewPerson{Email: email, Name: "Lena", Password: password})
		storetest.WantRefusal(t, err, "duplicate")
	}
	storetest.Must[uuid.UUID](t)(db.People.CreatePerson(t.Context(), uuid.Nil, people.NewPerson{Email: "O'Brien+x@Example.IE", Name: "O'Brien", Password: password}))
	_, err := db.People.CreatePerson(t.Context(), uuid.Nil, people.NewPerson{Email: "a b@example.ie", Name: "B", Password: password})
	storetest.WantRefusal(t, err, "invalid")
}

// A password opens in either spelling, and so does a hash from before passwords were brought to one, which is then made anew.
func TestPasswordsAreOneInBothSpellings(t *testing.T) {
	db := newMailed(t)
	composed, apart := norm.NFC.String("g\u00e4nsebl\u00fcmchen"), norm.NFD.String("g\u00e4nsebl\u00fcmchen")
	for i, chosen := range []string{composed, apart} {
		email := []string{"ada@example.org", "eva@example.org"}[i]
		storetest.Must[uuid.UUID](t)(db.People.CreatePerson(t.Context(), uuid.Nil, people.NewPerson{Email: email, Name: "Ada", Password: chosen}))
		for _, sent := range []string{composed, apart} {
			_, _, err := db.People.SignIn(t.Context(), email, sent, "192.0.2.7", "curl", "")
			storetest.NoError(t, err)
		}
	}
	old := "$argon2id$v=19$m=19456,t=2,p=1$c29tZXNhbHRzb21lc2FsdA$" + base64.RawStdEncoding.EncodeToString(argon2.IDKey([]byte(apart), []byte("somesaltsomesalt"), 2, 19*1024, 1, 32))
	for _, sent := range []string{apart, composed} {
		db.exec(`UPDATE people SET password_hash = $1`, old)
		_, _, err := db.People.SignIn(t.Context(), "ada@example.org", sent, "192.0.2.7", "curl", "")
		storetest.NoError(t, err)
		var anew bool
		storetest.NoError(t, db.pool.QueryRow(t.Context(), `SELECT password_hash <> $1 FROM people WHERE email = 'ada@example.org'`, old).Scan(&anew))
		if !anew {
			t.Error("the old hash stays")
		}
		_, _, err = db.People.SignIn(t.Context(), "ada@example.org", composed, "192.0.2.7", "curl", "")
		storetest.NoError(t, err)
	}
	_, _, err := db.People.SignIn(t.Context(), "ada@example.org", composed+"x", "192.0.2.7", "curl", "")
	if r, ok := refusal.As(err); !ok || r.Code != "sign_in" {
		t.Errorf("another password: %v", err)
	}
}

// TestPasswordsCostWhatTheyShould holds the cost of a server's hashes against OWASP's minimum: tests' own take less.
func TestPasswordsCostWhatTheyShould(t *testing.T) {
	db := newMailed(t)
	server := floors.New(storetest.PoolAs(t, db.pool, store.RoleWeb), store.Options{})
	storetest.Must[uuid.UUID](t)(server.People.CreatePerson(t.Context(), uuid.Nil, people.NewPerson{Email: "ada@example.org", Name: "Ada", Password: "correct horse"}))
	var memory, passes int
	storetest.NoError(t, db.pool.QueryRow(t.Context(), `
		SELECT substring(password_hash FROM 'm=([0-9]+)')::int, substring(password_hash FROM 't=([0-9]+)')::int
		FROM people WHERE email = 'ada@example.org'`).Scan(&memory, &passes))
	if memory < 19*1024 || passes < 2 {
		t.Errorf("a hash takes %d KiB and %d passes", memory, passes)
	}
}
