package people_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"golang.org/x/sync/errgroup"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
	"volary.dev/store/floors"
	"volary.dev/store/people"
	"volary.dev/store/storetest"
)

// mailed is a database with a look into its mails.
type mailed struct {
	*floors.All
	pool *pgxpool.Pool
	t    *testing.T
}

func newMailed(t *testing.T) mailed {
	t.Helper()
	pool := storetest.Pool(t)
	return mailed{All: storetest.Open(t, pool), pool: pool, t: t}
}

// last is the kind of the last mail to an address, and the token of its link, empty where it has none.
func (m mailed) last(to string) (kind store.MailKind, token string) {
	m.t.Helper()
	kind, secret := storetest.LastMail(m.t, m.pool, to)
	if _, after, ok := strings.Cut(secret, "token="); ok {
		return kind, after
	}
	token, _ = strings.CutPrefix(secret, "/invitations/")
	if token == secret {
		return kind, "" // a page that everybody may open
	}
	return kind, token
}

func (m mailed) exec(sql string, args ...any) {
	m.t.Helper()
	if _, err := m.pool.Exec(m.t.Context(), sql, args...); err != nil {
		m.t.Fatal(err)
	}
}

func (m mailed) count(sql string, args ...any) (n int) {
	m.t.Helper()
	if err := m.pool.QueryRow(m.t.Context(), sql, args...).Scan(&n); err != nil {
		m.t.Fatal(err)
	}
	return n
}

func signUp(email, organization string) people.SignUp {
	return people.SignUp{Email: email, Name: "Ben", Organization: organization, Password: password}
}

func TestSignUpToOwner(t *testing.T) {
	db := newMailed(t)
	storetest.NoError(t, db.People.SignUp(t.Context(), signUp(" Ben@Example.org ", "Bio"), "192.0.2.7"))
	kind, token := db.last("ben@example.org")
	if kind != store.MailConfirm || token == "" {
		t.Fatalf("mail %s with token %q", kind, token)
	}
	_, err := db.People.PersonByEmail(t.Context(), "ben@example.org")
	storetest.WantRefusal(t, err, "not_found")
	_, _, err = db.People.SignIn(t.Context(), "ben@example.org", password, "192.0.2.7", "", "")
	storetest.WantRefusal(t, err, "unconfirmed")
	_, _, err = db.People.SignIn(t.Context(), "ben@example.org", "another password", "192.0.2.7", "", "")
	storetest.WantRefusal(t, err, "sign_in")

	_, _, err = db.People.ConfirmSignUp(t.Context(), token, "not the password", "", "192.0.2.7", "")
	if r := storetest.WantRefusal(t, err, "invalid"); r.Fields["password"] == "" {
		t.Errorf("fields %v", r.Fields)
	}
	_, s, err := db.People.ConfirmSignUp(t.Context(), token, password, "", "192.0.2.7", "")
	storetest.NoError(t, err)
	if s.OrganizationName != "Bio" || s.OrganizationRole != people.RoleOwner || s.Email != "ben@example.org" {
		t.Errorf("session %+v", s)
	}
	_, err = db.People.SignUpByToken(t.Context(), token)
	if r := storetest.WantRefusal(t, err, "link"); !strings.Contains(r.Title, "used already") {
		t.Errorf("a used link: %q", r.Title)
	}
}

// Whoever tries addresses learns nothing: neither by the answer, nor by what follows from it.
func TestSignUpTellsNothing(t *testing.T) {
	db := newMailed(t)
	createPerson(t, db.All, "ada")
	const other = "some other password"
	for _, email := range []string{"ada@example.org", "free@example.org"} {
		s := signUp(email, "Group of "+email)
		s.Password = other
		storetest.NoError(t, db.People.SignUp(t.Context(), s, "192.0.2.7"))
		_, _, err := db.People.SignIn(t.Context(), email, other, "192.0.2.7", "", "")
		storetest.WantRefusal(t, err, "unconfirmed")
		storetest.NoError(t, db.People.ResendConfirmation(t.Context(), email, "192.0.2.7"))
		storetest.NoError(t, db.People.RequestReset(t.Context(), email, "192.0.2.7"))
		// A second sign-up with the organization's name: the first one took it from nobody.
		storetest.NoError(t, db.People.SignUp(t.Context(), signUp("third@example.org", "Group of "+email), "192.0.2.9"))
		if n := db.count(`SELECT count(*) FROM mails WHERE to_address = $1`, email); n != 3 {
			t.Errorf("%d mails to %s, want 3", n, email)
		}
	}
	if kind, _ := db.last("ada@example.org"); kind != store.MailReset {
		t.Errorf("the owner of the address is written %s", kind)
	}
	if n := db.count(`SELECT count(*) FROM mails WHERE to_address = 'ada@example.org' AND kind = 'account_known' AND has_link`); n != 2 {
		t.Errorf("%d mails tell the owner that there is an account, want 2", n)
	}
	if n := db.count(`SELECT count(*) FROM people`); n != 1 {
		t.Errorf("%d people, want Ada alone", n)
	}
	// The password of before still opens the account.
	_, _, err := db.People.SignIn(t.Context(), "ada@example.org", password, "192.0.2.8", "", "")
	storetest.NoError(t, err)
}

func TestSignUpRefusals(t *testing.T) {
	db := newMailed(t)
	for field, s := range map[string]people.SignUp{
		"email":        signUp("ben@example.org\r\nBcc: all@example.org", "Bio"),
		"organization": signUp("ben@example.org", "B"),
		"name":         {Email: "ben@example.org", Organization: "Bio", Password: password},
		"password":     {Email: "ben@example.org", Name: "Ben", Organization: "Bio", Password: strings.Repeat("x", 201)},
	} {
		r := storetest.WantRefusal(t, db.People.SignUp(t.Context(), s, ""), "invalid")
		if r.Fields[field] == "" {
			t.Errorf("no sentence for %s: %v", field, r.Fields)
		}
	}
	for _, weak := range []string{"short", "password123", "QwertyUiop", "aaaaaaaaaaaa", "benjamin@example.org", "Benjamin Long"} {
		s := people.SignUp{Email: "benjamin@example.org", Name: "Benjamin Long", Organization: "Bio", Password: weak}
		if r := storetest.WantRefusal(t, db.People.SignUp(t.Context(), s, ""), "invalid"); r.Fields["password"] == "" {
			t.Errorf("password %q: %v", weak, r.Fields)
		}
	}
	if n := db.count(`SELECT count(*) FROM sign_ups`) + db.count(`SELECT count(*) FROM mails`); n != 0 {
		t.Errorf("refused sign-ups left %d rows", n)
	}
}

func TestSignUpIsThrottled(t *testing.T) {
	db := newMailed(t)
	for range 5 {
		storetest.NoError(t, db.People.SignUp(t.Context(), signUp("ben@example.org", "Bio"), "192.0.2.99"))
	}
	storetest.WantRefusal(t, db.People.SignUp(t.Context(), signUp("ben@example.org", "Bio"), "192.0.2.99"), "throttled")
	storetest.WantRefusal(t, db.People.ResendConfirmation(t.Context(), "ben@example.org", "192.0.2.99"), "throttled")
	storetest.WantRefusal(t, db.People.RequestReset(t.Context(), "ben@example.org", "192.0.2.99"), "throttled")
	storetest.NoError(t, db.People.RequestReset(t.Context(), "eva@example.org", "192.0.2.99"))
	storetest.NoError(t, db.People.ResendConfirmation(t.Context(), "ben@example.org", "192.0.2.98"))
	db.exec(`INSERT INTO sign_in_failures (key, at) SELECT 'mail-email:ben@example.org', now() FROM generate_series(1, 14)`)
	storetest.WantRefusal(t, db.People.ResendConfirmation(t.Context(), "ben@example.org", "192.0.2.97"), "throttled")
	storetest.WantRefusal(t, db.People.RequestReset(t.Context(), "no address", "192.0.2.99"), "invalid")
	storetest.WantRefusal(t, db.People.ResendConfirmation(t.Context(), "no address", "192.0.2.99"), "invalid")
}

// A link opened twice at once makes one person with one organization.
func TestConfirmTwiceAtOnce(t *testing.T) {
	db := newMailed(t)
	storetest.NoError(t, db.People.SignUp(t.Context(), signUp("ben@example.org", "Bio"), ""))
	_, token := db.last("ben@example.org")
	codes := codesAtOnce(t, 6, func() error {
		_, _, err := db.People.ConfirmSignUp(t.Context(), token, password, "", "", "")
		return err
	})
	if codes[""] != 1 || codes["link"] != 5 {
		t.Errorf("six at once: %v", codes)
	}
	if n := db.count(`SELECT count(*) FROM people`) + db.count(`SELECT count(*) FROM organizations`); n != 2 {
		t.Errorf("%d people and organizations, want one each", n)
	}
}

// codesAtOnce runs f n times at once and counts the codes of its refusals; "" is success.
func codesAtOnce(t *testing.T, n int, f func() error) map[string]int {
	t.Helper()
	results := make(chan string, n)
	var group errgroup.Group
	for range n {
		group.Go(func() error {
			err := f()
			if err == nil {
				results <- ""
				return nil
			}
			r, ok := refusal.As(err)
			if !ok {
				return err
			}
			results <- r.Code
			return nil
		})
	}
	storetest.NoError(t, group.Wait())
	close(results)
	codes := map[string]int{}
	for code := range results {
		codes[code]++
	}
	return codes
}

func TestConfirmWhenTheNameIsTaken(t *testing.T) {
	db := newMailed(t)
	// Taken before the sign-up, which tells nothing of it.
	storetest.Must[uuid.UUID](t)(db.People.CreateOrganization(t.Context(), uuid.Nil, "Bio"))
	storetest.NoError(t, db.People.SignUp(t.Context(), signUp("ben@example.org", "Bio"), ""))
	_, token := db.last("ben@example.org")
	_, _, err := db.People.ConfirmSignUp(t.Context(), token, password, "", "", "")
	if r := storetest.WantRefusal(t, err, "duplicate"); r.Fields["organization"] == "" || !strings.Contains(r.Next, "invite") {
		t.Errorf("fields %v, next %q", r.Fields, r.Next)
	}
	if n := db.count(`SELECT count(*) FROM people`); n != 0 {
		t.Errorf("%d people, though the sign-up is not finished", n)
	}
	_, s, err := db.People.ConfirmSignUp(t.Context(), token, password, "Bio of Ben", "", "")
	storetest.NoError(t, err)
	if s.OrganizationName != "Bio of Ben" {
		t.Errorf("session %+v", s)
	}
}

func TestOldLinksOfSignUps(t *testing.T) {
	db := newMailed(t)
	storetest.NoError(t, db.People.SignUp(t.Context(), signUp("ben@example.org", "Bio"), ""))
	_, first := db.last("ben@example.org")
	storetest.NoError(t, db.People.ResendConfirmation(t.Context(), "ben@example.org", ""))
	_, second := db.last("ben@example.org")
	_, err := db.People.SignUpByToken(t.Context(), first)
	storetest.WantRefusal(t, err, "link")
	db.exec(`UPDATE sign_ups SET expires_at = now() - interval '1 minute'`)
	_, _, err = db.People.ConfirmSignUp(t.Context(), second, password, "", "", "")
	if r := storetest.WantRefusal(t, err, "link"); !strings.Contains(r.Title, "3 days") || r.Next != "Sign up again." {
		t.Errorf("an expired link: %+v", r)
	}
	createPerson(t, db.All, "ben")
	_, err = db.People.SignUpByToken(t.Context(), second)
	if r := storetest.WantRefusal(t, err, "link"); !strings.Contains(r.Title, "has an account") {
		t.Errorf("a link of an address with an account: %+v", r)
	}
	_, err = db.People.SignUpByToken(t.Context(), "")
	storetest.WantRefusal(t, err, "link")
}

func TestOldTriesAreForgotten(t *testing.T) {
	db := newMailed(t)
	db.exec(`INSERT INTO sign_in_failures (key, at) SELECT 'email:' || n, now() - interval '2 days' FROM generate_series(1, 30) AS n`)
	_, _, err := db.People.SignIn(t.Context(), "ben@example.org", password, "192.0.2.7", "", "")
	storetest.WantRefusal(t, err, "sign_in")
	if n := db.count(`SELECT count(*) FROM sign_in_failures`); n != 4 {
		t.Errorf("%d tries are kept, want the last one's 4", n)
	}
}
