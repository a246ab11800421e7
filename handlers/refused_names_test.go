package handlers_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	xhtml "golang.org/x/net/html"

	"volary.dev/handlers/handlertest"
)

// TestAnswersToFormsIsolateNames sends every form as somebody who may, where all names are written from right to left: neither the
// page of a refusal nor the notice of what was done lets one turn around what stands beside it.
func TestAnswersToFormsIsolateNames(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	paths := worldPaths(a, w)
	a.Apply(w)
	renameRightToLeft(t, a)
	browsers := map[who]*handlertest.Browser{anonymous: a.Browser()}
	for _, p := range signedIn() {
		browsers[p] = a.SignIn(string(p))
	}
	seen := 0
	check := func(path string, p who, got handlertest.Answer) {
		t.Helper()
		if to := got.Header.Get("Location"); got.Status == http.StatusSeeOther && strings.HasPrefix(to, "/") && p != anonymous {
			got = browsers[p].Get(to)
		}
		doc, err := xhtml.Parse(strings.NewReader(got.Body))
		if err != nil {
			t.Fatal(err)
		}
		seen += strings.Count(got.Body, rightToLeft)
		checkIsolated(t, path, p, doc)
	}
	// Names that are there already, and what is too small, too large or used.
	for _, f := range []struct {
		p    who
		path string
		form url.Values
	}{
		{handlertest.Owner, "/account/organizations", url.Values{"name": {rightToLeft + " First Group"}}},
		{handlertest.Admin, "/provider/pools", url.Values{"name": {rightToLeft + " main"}, "prefix": {"10.80.0.0/16"}, "underlay": {"192.0.2.0/24"}, "storage": {"local"}, "machine_type": {"q35"}, "test_share": {"10"}, "underlay_mtu": {"1500"}}},
		{handlertest.Owner, "/org/models", url.Values{"name": {rightToLeft + " model"}}},
		{handlertest.Owner, "/org/images/" + w.Image.String() + "/delete", nil},
	} {
		check("POST "+f.path, f.p, browsers[f.p].Post(f.path, f.form))
	}
	for _, r := range matrix() {
		pattern, form := strings.CutPrefix(r.route, "POST ")
		if !form || strings.HasPrefix(pattern, "/uploads/") || pattern == "/sign-out" || pattern == "/org/leave" {
			continue
		}
		p := r.may[0]
		if slices.Contains(r.may, handlertest.Owner) && p == anonymous {
			p = handlertest.Owner
		}
		if pattern == "/account/organizations" {
			continue // at last
		}
		if only := alone()[r.route]; only != "" {
			p = only
		}
		check(r.route, p, browsers[p].Post(paths(pattern), forms()[r.route]))
	}
	check("another organization", handlertest.Member, browsers[handlertest.Member].Post("/account/organizations", url.Values{"name": {rightToLeft + " one more"}}))
	if seen == 0 {
		t.Error("no answer names anything")
	}
}
