package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"volary.dev/handlers/handlertest"
)

func TestSignInAndOut(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	a.World()
	b := a.Browser()
	if got := b.Get("/org/usage?from=0"); got.Status != http.StatusSeeOther || got.Header.Get("Location") != "/sign-in?next=%2Forg%2Fusage%3Ffrom%3D0" {
		t.Fatalf("signed out: %d %s", got.Status, got.Header.Get("Location"))
	}
	wrong := b.Post("/sign-in", url.Values{"email": {handlertest.Owner}, "password": {"wrong"}, "next": {"/org/usage"}})
	if wrong.Status != http.StatusUnprocessableEntity || !strings.Contains(wrong.Body, handlertest.Owner) || !strings.Contains(wrong.Body, `value="/org/usage"`) {
		t.Errorf("a wrong password: %d, and what was typed is not kept", wrong.Status)
	}
	unknown := b.Post("/sign-in", url.Values{"email": {"nobody@else.example"}, "password": {"wrong"}})
	if unknown.Status != wrong.Status || !strings.Contains(unknown.Body, "do not belong together") || !strings.Contains(wrong.Body, "do not belong together") {
		t.Error("a wrong password and an unknown address are told apart")
	}
	for next, want := range map[string]string{"/org/usage": "/org/usage", "//evil.example": "/org", "https://evil.example": "/org"} {
		in := a.Browser().Post("/sign-in", url.Values{"email": {handlertest.Owner}, "password": {handlertest.Password}, "next": {next}})
		if in.Status != http.StatusSeeOther || in.Header.Get("Location") != want {
			t.Errorf("next %s leads to %s", next, in.Header.Get("Location"))
		}
		cookie := in.Header.Get("Set-Cookie")
		if !strings.Contains(cookie, "HttpOnly") || !strings.Contains(cookie, "SameSite=Lax") || !strings.Contains(cookie, "Path=/") {
			t.Errorf("cookie %q", cookie)
		}
	}
	b = a.SignIn(handlertest.Owner)
	if got := b.Get("/org/usage"); got.Status != http.StatusOK {
		t.Fatalf("usage: %d", got.Status)
	}
	if got := b.Post("/sign-out", nil); got.Status != http.StatusSeeOther {
		t.Fatalf("sign out: %d", got.Status)
	}
	if got := b.Get("/org/usage"); got.Status != http.StatusSeeOther {
		t.Errorf("after signing out: %d", got.Status)
	}
}

func TestSignInsAreThrottledByAddress(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{Throttled: true})
	b := a.Browser()
	for i := range 25 {
		got := b.Post("/sign-in", url.Values{"email": {"x@y.example"}})
		if i < 20 && got.Status != http.StatusUnprocessableEntity || i >= 20 && got.Status != http.StatusTooManyRequests {
			t.Fatalf("attempt %d: %d", i+1, got.Status)
		}
	}
}

func TestOtherSitesFormsAreRefused(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	a.World()
	b := a.SignIn(handlertest.Owner)
	for name, header := range map[string]http.Header{
		"Sec-Fetch-Site cross-site": {"Sec-Fetch-Site": {"cross-site"}},
		"Sec-Fetch-Site same-site":  {"Sec-Fetch-Site": {"same-site"}},
		"Origin alone":              {"Sec-Fetch-Site": {""}, "Origin": {"https://evil.example"}},
	} {
		if got := b.Do(http.MethodPost, "/sign-out", nil, header); got.Status != http.StatusForbidden {
			t.Errorf("%s: %d", name, got.Status)
		}
	}
	if got := b.Get("/org/usage"); got.Status != http.StatusOK {
		t.Errorf("the session ended: %d", got.Status)
	}
}

func TestErrorsArePagesThatNameTheRequest(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	a.World()
	b := a.SignIn(handlertest.Owner)
	for path, status := range map[string]int{"/nothing": 404, "/org/clusters/x": 404, "/provider": 403, "/org/images/00000000-0000-0000-0000-000000000000": 404} {
		got := b.Get(path)
		if id := got.Header.Get("X-Request-Id"); got.Status != status || id == "" || !strings.Contains(got.Body, id) {
			t.Errorf("%s: %d, request %q", path, got.Status, id)
		}
	}
	// A session that is no more leads htmx to sign in as a whole page.
	if got := a.Browser().Do(http.MethodGet, "/org", nil, http.Header{
		"Hx-Request": {"true"}, "Hx-Target": {"live"}, "Hx-Current-Url": {a.URL + "/org/clusters?gone=1"},
	}); got.Status != http.StatusUnauthorized || got.Header.Get("HX-Redirect") != "/sign-in?next=%2Forg%2Fclusters%3Fgone%3D1" {
		t.Errorf("a signed-out fragment: %d %q", got.Status, got.Header.Get("HX-Redirect"))
	}
}

func TestAFormSentSignedOutIsKept(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	filled := url.Values{"name": {`a "name" <typed>`}, "password": {"a secret of theirs"}, "current": {"another secret"}}
	before := countRows(t, a)
	got := a.Browser().Post("/org/models", filled)
	if got.Status != http.StatusUnauthorized || !strings.Contains(got.Body, `action="/org/models"`) ||
		!strings.Contains(got.Body, `name="name" value="a &#34;name&#34; &lt;typed&gt;"`) || strings.Contains(got.Body, "secret") {
		t.Errorf("%d %s", got.Status, got.Body)
	}
	if after := countRows(t, a); after != before {
		t.Errorf("rows before:\n%s\nand after:\n%s", before, after)
	}
	// A button has nothing to keep: it leads to sign in, and back to its page.
	stop := a.Browser().Do(http.MethodPost, "/org/versions/"+w.Draft.String()+"/publish", url.Values{}, http.Header{"Referer": {a.URL + "/org/models?q=a"}})
	if stop.Status != http.StatusSeeOther || stop.Header.Get("Location") != "/sign-in?next=%2Forg%2Fmodels%3Fq%3Da" {
		t.Errorf("%d %s", stop.Status, stop.Header.Get("Location"))
	}
}

func TestSwitchWorkplace(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	if err := a.Store.People.AddStaff(t.Context(), w.Person(handlertest.PlatformAdmin), w.North, w.Person(handlertest.Owner), "accountant"); err != nil {
		t.Fatal(err)
	}
	b := a.SignIn(handlertest.Owner)
	for _, to := range []string{"", "provider:", "org:" + w.Other.String(), "provider:" + w.South.String(), "king:" + w.North.String()} {
		if got := b.Post("/switch", url.Values{"to": {to}}); got.Status != http.StatusNotFound {
			t.Errorf("to %q: %d", to, got.Status)
		}
	}
	if got := b.Get("/org/usage"); got.Status != http.StatusOK || !strings.Contains(got.Body, "provider:"+w.North.String()) {
		t.Fatalf("the other workplace is not offered: %d", got.Status)
	}
	if got := b.Post("/switch", url.Values{"to": {"provider:" + w.North.String()}}); got.Header.Get("Location") != "/provider" {
		t.Fatalf("switched: %d %s", got.Status, got.Header.Get("Location"))
	}
	if got := b.Get("/provider/usage"); got.Status != http.StatusOK {
		t.Errorf("as accountant: %d", got.Status)
	}
	if got := b.Get("/org/usage"); got.Status != http.StatusForbidden {
		t.Errorf("still the organization's: %d", got.Status)
	}
}
