package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"volary.dev/handlers/handlertest"
)

// The platform's admin gives an organization a quota, which its people see before they choose a file; what is no number is refused and
// kept.
func TestQuotaIsSetAndShown(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	root, member := a.SignIn(handlertest.PlatformAdmin), a.SignIn(handlertest.Member)
	path := "/platform/organizations/" + w.Organization.String()
	says(t, "of nobody's own", root.Get(path), http.StatusOK, "of 256 GiB used", "Empty: as all others, 256 GiB.")
	says(t, "no number", root.Post(path+"/quota", url.Values{"quota": {"a lot"}}), http.StatusUnprocessableEntity, "Give the quota as a whole number", `value="a lot"`)
	says(t, "too much", root.Post(path+"/quota", url.Values{"quota": {"1048577"}}), http.StatusUnprocessableEntity, "between 0 and 1048576")
	if got := root.Post(path+"/quota", url.Values{"quota": {"12"}}); got.Status != http.StatusSeeOther {
		t.Fatalf("set: %d %s", got.Status, got.Body)
	}
	says(t, "its own", root.Get(path), http.StatusOK, "of 12 GiB used", `value="12"`)
	for _, page := range []string{"/org/images", "/org/images/new"} {
		says(t, page, member.Get(page), http.StatusOK, "of 12 GiB used", "Images ")
	}
	if got := root.Post(path+"/quota", url.Values{"quota": {"0"}}); got.Status != http.StatusSeeOther {
		t.Fatalf("nothing: %d %s", got.Status, got.Body)
	}
	for _, page := range []string{"/org/images", "/org/images/new"} {
		says(t, page, member.Get(page), http.StatusOK, "The quota is full", "ask the operator for a larger quota")
	}
	if got := a.SignIn(handlertest.Auditor).Get("/org/images"); got.Status != http.StatusOK || strings.Contains(got.Body, "The quota is full") {
		t.Errorf("who uploads nothing is told of it: %d %s", got.Status, got.Body)
	}
	says(t, "the log", root.Get("/platform/log"), http.StatusOK, "set the quota of")
	if got := root.Post(path+"/quota", url.Values{"quota": {" "}}); got.Status != http.StatusSeeOther {
		t.Fatalf("as all others again: %d %s", got.Status, got.Body)
	}
	says(t, "as all others", member.Get("/org/images/new"), http.StatusOK, "of 256 GiB used")
}
