package handlers_test

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"volary.dev/handlers/handlertest"
	"volary.dev/store/storetest"
)

// secret is the page that the last mail to an address opens.
func secret(t *testing.T, a *handlertest.App, to string) string {
	t.Helper()
	_, path := storetest.LastMail(t, a.Pool, to)
	return path
}

func token(path string) string {
	_, after, _ := strings.Cut(path, "token=")
	return after
}

func TestSignUpConfirmAndSignIn(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	b := a.Browser()
	const email = "new@third.example"
	form := url.Values{"name": {"Nell"}, "email": {email}, "organization": {"Third Group"}, "password": {handlertest.Password}}
	if got := b.Post("/sign-up", form); got.Status != http.StatusOK || !strings.Contains(got.Body, email) {
		t.Fatalf("sign-up: %d", got.Status)
	}
	got := b.Post("/sign-in", url.Values{"email": {email}, "password": {handlertest.Password}})
	if got.Status != http.StatusUnprocessableEntity || !strings.Contains(got.Body, `action="/sign-up/resend"`) {
		t.Errorf("signing in before the link is opened: %d, without the way to another mail", got.Status)
	}
	link := secret(t, a, email)
	for range 2 { // what looks for malice opens links, too
		if got := a.Browser().Get(link); got.Status != http.StatusOK || !strings.Contains(got.Body, "Third Group") {
			t.Fatalf("%d %s", got.Status, got.Body)
		}
	}
	confirm := url.Values{"token": {token(link)}, "password": {"not the password"}}
	if got := b.Post("/confirm", confirm); got.Status != http.StatusUnprocessableEntity || !strings.Contains(got.Body, "not the password that was chosen") {
		t.Errorf("a wrong password confirms: %d", got.Status)
	}
	confirm.Set("password", handlertest.Password)
	if got := b.Post("/confirm", confirm); got.Status != http.StatusSeeOther || got.Header.Get("Location") != "/org" {
		t.Fatalf("confirm: %d to %s", got.Status, got.Header.Get("Location"))
	}
	if got := b.Get("/org/members"); got.Status != http.StatusOK || !strings.Contains(got.Body, "Nell") {
		t.Errorf("members: %d", got.Status)
	}
	if got := b.Get(link); got.Status != http.StatusGone || !strings.Contains(got.Body, "used already") {
		t.Errorf("a used link: %d", got.Status)
	}
}

var volatile = regexp.MustCompile(`01[0-9a-f]{6}-[0-9a-f-]{27}|Request <code>[^<]*</code>|data-begun="[0-9]+"|name="slip" value="[0-9a-f-]+"`)

// Nobody learns whether an address has an account: the same status and, but for the address itself, the same page.
func TestAddressesAreNotTold(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	_, link, err := a.Store.People.InviteToOrganization(t.Context(), w.Organization, w.Person(handlertest.Owner), invitation("", "member"))
	if err != nil {
		t.Fatal(err)
	}
	const known, free = handlertest.Member, "nobody@first.example"
	forms := []struct {
		path string
		form url.Values
	}{
		{"/sign-up", url.Values{"name": {"X"}, "organization": {"Group of ADDRESS"}, "password": {"some other password"}}},
		{"/sign-in", url.Values{"password": {"some other password"}}},
		{"/sign-in", url.Values{"password": {"nonsense nonsense"}}},
		{"/sign-up/resend", url.Values{}},
		{"/reset", url.Values{}},
		{"/invitations/" + link, url.Values{"name": {"X"}, "password": {"some other password"}}},
	}
	for _, f := range forms {
		sameAnswers(t, a, f.path, f.form, known, free)
	}
}

// sameAnswers posts a form for two values of a field, in forms as ADDRESS or as the e-mail address: but for the value
// itself, nothing of the answers may differ.
func sameAnswers(t *testing.T, a *handlertest.App, path string, fields url.Values, values ...string) {
	t.Helper()
	var answers []handlertest.Answer
	for _, value := range values {
		form := url.Values{"email": {value}}
		for k, v := range fields {
			form.Set(k, strings.ReplaceAll(v[0], "ADDRESS", value))
		}
		got := a.Browser().Post(path, form)
		got.Body = strings.ReplaceAll(volatile.ReplaceAllString(got.Body, ""), value, "ADDRESS")
		got.Header.Del("Date")
		got.Header.Del("Content-Length")
		got.Header.Del("X-Request-Id")
		answers = append(answers, got)
	}
	if answers[0].Status != answers[1].Status || answers[0].Body != answers[1].Body {
		t.Errorf("%s: %d and %d, or other pages:\n%s\n\n%s", path, answers[0].Status, answers[1].Status, answers[0].Body, answers[1].Body)
	}
	for k := range answers[0].Header {
		if answers[0].Header.Get(k) != answers[1].Header.Get(k) {
			t.Errorf("%s: header %s is %q and %q", path, k, answers[0].Header.Get(k), answers[1].Header.Get(k))
		}
	}
}

// Nobody learns whether an organization exists, but who has shown an address: they are asked for another name.
func TestOrganizationsAreNotTold(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	a.World()
	const taken = "First Group"
	const email = "new@third.example"
	fields := url.Values{"name": {"X"}, "email": {email}, "organization": {"ADDRESS"}, "password": {handlertest.Password}}
	sameAnswers(t, a, "/sign-up", fields, "A Free Name", taken)
	link := secret(t, a, email) // of the second one

	b := a.Browser()
	if got := b.Get(link); got.Status != http.StatusOK || strings.Contains(got.Body, `name="organization"`) {
		t.Fatalf("the link's page: %d", got.Status)
	}
	confirm := url.Values{"token": {token(link)}, "password": {handlertest.Password}}
	got := b.Post("/confirm", confirm)
	if got.Status != http.StatusUnprocessableEntity || !strings.Contains(got.Body, `name="organization"`) || !strings.Contains(got.Body, "a name of its own") {
		t.Errorf("a taken name: %d\n%s", got.Status, got.Body)
	}
	confirm.Set("organization", taken+" of X")
	if got := b.Post("/confirm", confirm); got.Status != http.StatusSeeOther || got.Header.Get("Location") != "/org" {
		t.Errorf("with another name: %d to %s", got.Status, got.Header.Get("Location"))
	}
}

func TestResetByMail(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	a.World()
	old := a.SignIn(handlertest.Member)
	b := a.Browser()
	b.Post("/reset", url.Values{"email": {handlertest.Member}})
	link := secret(t, a, handlertest.Member)
	if got := b.Get(link); got.Status != http.StatusOK {
		t.Fatalf("%s: %d", link, got.Status)
	}
	form := url.Values{"token": {token(link)}, "password": {strings.Repeat("x", 300)}}
	if got := b.Post("/reset/choose", form); got.Status != http.StatusUnprocessableEntity || strings.Contains(got.Body, "xxx") {
		t.Errorf("an over-long password: %d", got.Status)
	}
	form.Set("password", "a better one than that")
	if got := b.Post("/reset/choose", form); got.Status != http.StatusSeeOther || got.Header.Get("Location") != "/sign-in" {
		t.Fatalf("new password: %d", got.Status)
	}
	if got := old.Get("/org"); got.Status != http.StatusSeeOther {
		t.Errorf("a session of the old password goes on: %d", got.Status)
	}
	if got := b.Post("/sign-in", url.Values{"email": {handlertest.Member}, "password": {"a better one than that"}}); got.Status != http.StatusSeeOther {
		t.Errorf("the new password does not sign in: %d", got.Status)
	}
	if got := b.Post("/reset/choose", form); got.Status != http.StatusGone {
		t.Errorf("a used link: %d", got.Status)
	}
}

func TestInvitedPeople(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	a.World()
	owner := a.SignIn(handlertest.Owner)
	got := owner.Post("/org/invitations", url.Values{"role": {"member"}, "by": {"link"}})
	link := regexp.MustCompile(`/invitations/[\w-]{43}`).FindString(got.Body)
	if got.Status != http.StatusOK || link == "" {
		t.Fatalf("by link: %d", got.Status)
	}
	if page := owner.Get("/org/invitations"); page.Status != http.StatusOK || strings.Contains(page.Body, link) {
		t.Error("the link is shown a second time")
	}
	nobody := a.SignIn(handlertest.Nobody)
	if got := nobody.Post(link, nil); got.Status != http.StatusSeeOther || got.Header.Get("Location") != "/org" {
		t.Fatalf("accept: %d to %s", got.Status, got.Header.Get("Location"))
	}
	if got := nobody.Get("/org/clusters"); got.Status != http.StatusOK {
		t.Errorf("the new member's clusters: %d", got.Status)
	}
	if got := a.Browser().Get(link); got.Status != http.StatusGone || !strings.Contains(got.Body, "Ask Owner for another one") {
		t.Errorf("a used link: %d", got.Status)
	}

	// By mail: for the owner of the address alone.
	if got := owner.Post("/org/invitations", url.Values{"role": {"billing"}, "by": {"mail"}, "email": {"nell@first.example"}}); got.Status != http.StatusSeeOther {
		t.Fatalf("by mail: %d", got.Status)
	}
	mailed := secret(t, a, "nell@first.example")
	other := a.SignIn(handlertest.OtherOwner)
	if got := other.Get(mailed); got.Status != http.StatusOK || !strings.Contains(got.Body, "is for nell@first.example") || strings.Contains(got.Body, "Accept as") {
		t.Errorf("someone else opens it: %d", got.Status)
	}
	if got := other.Post(mailed, nil); got.Status != http.StatusUnprocessableEntity {
		t.Errorf("someone else accepts it: %d", got.Status)
	}
	nell := a.Browser()
	if got := nell.Post(mailed, url.Values{"name": {"Nell"}, "password": {"short"}}); got.Status != http.StatusUnprocessableEntity || !strings.Contains(got.Body, `value="Nell"`) {
		t.Errorf("a weak password: %d", got.Status)
	}
	if got := nell.Post(mailed, url.Values{"name": {"Nell"}, "password": {handlertest.Password}}); got.Status != http.StatusSeeOther || got.Header.Get("Location") != "/org" {
		t.Fatalf("the invited sign up: %d", got.Status)
	}
	if got := nell.Get("/org/clusters"); got.Status != http.StatusForbidden {
		t.Errorf("billing sees clusters: %d", got.Status)
	}
	var organizations int
	if err := a.Pool.QueryRow(t.Context(), `SELECT count(*) FROM organizations`).Scan(&organizations); err != nil || organizations != 2 {
		t.Errorf("%d organizations, %v: who is invited makes none", organizations, err)
	}
}
