package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"volary.dev/handlers/handlertest"
)

// A person sees the sign-ins to their account, those of others who failed among them, and nobody else's.
func TestPeopleSeeTheirSignIns(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	a.World()
	wrong := url.Values{"email": {handlertest.Member}, "password": {"not the password"}}
	stranger := http.Header{"User-Agent": {"curl/8.5.0"}}
	if got := a.Browser().Do(http.MethodPost, "/sign-in", wrong, stranger); got.Status != http.StatusUnprocessableEntity {
		t.Fatalf("a wrong password: %d", got.Status)
	}
	b := a.SignIn(handlertest.Member)
	if got := b.Get("/account/sessions"); !strings.Contains(got.Body, `href="/account/sign-ins"`) {
		t.Error("the sessions do not lead to the sign-ins")
	}
	says(t, "sign-ins", b.Get("/account/sign-ins"), http.StatusOK, "with a wrong password", "curl", "127.0.0.1", "Signed in", "2 sign-ins")
	says(t, "those that did not fail", b.Get("/account/sign-ins?outcome=in"), http.StatusOK, "1 sign-in")
	if got := a.SignIn(handlertest.Owner).Get("/account/sign-ins"); got.Status != http.StatusOK || strings.Contains(got.Body, "wrong password</") {
		t.Errorf("another person: %d, or sees them", got.Status)
	}
}
