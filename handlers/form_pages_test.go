package handlers_test

import (
	"html"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"volary.dev/handlers/handlertest"
)

// answerOf is where a page says that it answers a form, and when it began to be made.
var answerOf = regexp.MustCompile(`<body [^>]*data-answer="([^"]*)" data-begun="([0-9]+)"`)

// TestFormsAddressesOpen opens the address of every form as a link, as everybody: who may send the form comes to a page, and nobody
// else to more than the form itself would say.
func TestFormsAddressesOpen(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	paths := worldPaths(a, w)
	browsers := map[who]*handlertest.Browser{anonymous: a.Browser()}
	for _, p := range signedIn() {
		browsers[p] = a.SignIn(string(p))
	}
	for _, r := range matrix() {
		pattern, form := strings.CutPrefix(r.route, "POST ")
		if !form || strings.HasPrefix(pattern, "/uploads/") {
			continue
		}
		own := slices.Contains(a.Routes(), "GET "+pattern) // the matrix says who may
		for _, p := range everyone() {
			path := paths(pattern)
			got := browsers[p].Get(path)
			switch {
			case slices.Contains(r.may, p) && p != handlertest.OtherOwner && p != handlertest.OtherAdmin && alone()[r.route] == "":
				if to := got.Header.Get("Location"); got.Status == http.StatusSeeOther && !strings.HasPrefix(to, "/sign-in") {
					got = browsers[p].Get(to)
				}
				// Pages of links in mails say that a link without its token is gone.
				if got.Status != http.StatusOK && got.Status != http.StatusSeeOther && got.Status != http.StatusGone {
					t.Errorf("GET %s as %s ends at %d", path, p, got.Status)
				}
			case own, slices.Contains(r.may, p), p == auditorOf("GET "+pattern):
			case p == anonymous && (got.Status != http.StatusSeeOther || !strings.HasPrefix(got.Header.Get("Location"), "/sign-in")),
				p != anonymous && got.Status != http.StatusForbidden:
				t.Errorf("GET %s as %s, who may not send the form: %d %s", path, p, got.Status, got.Header.Get("Location"))
			}
		}
	}
}

// TestFormsStandWhereTheirAddressLeads names pages that forms stand on, by the address that they are sent to.
func TestFormsStandWhereTheirAddressLeads(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	cluster, _ := a.Launch(w, "first", 0)
	b := a.SignIn(handlertest.Owner)
	on := "/org/clusters/" + cluster.String()
	for path, want := range map[string]string{
		on + "/extend":                                  on,
		on + "/consent/withdraw":                        on,
		"/org/uploads/" + w.Upload + "/discard":         "/org/uploads/" + w.Upload,
		"/org/uploads":                                  "/org/images/new",
		"/org/models/" + w.Model.String() + "/versions": "/org/models/" + w.Model.String() + "/versions/new",
		"/org/members/" + w.Extra.String() + "/cap":     "/org/members",
		"/account/organizations":                        "/account/organizations/new",
		"/switch":                                       "/workplaces",
		"/sign-up/resend":                               "/sign-up",
	} {
		if got := b.Get(path); got.Status != http.StatusSeeOther || got.Header.Get("Location") != want {
			t.Errorf("GET %s: %d %s, want %s", path, got.Status, got.Header.Get("Location"), want)
		}
	}
	if got := b.Get(on + "/nothing"); got.Status != http.StatusNotFound {
		t.Errorf("an address of no form: %d", got.Status)
	}
}

// TestAnswersSayTheirOwnAddress refuses forms, and wants the page to know that it answers one, and what address opens it again.
func TestAnswersSayTheirOwnAddress(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	cluster, _ := a.Launch(w, "first", 0)
	b := a.SignIn(handlertest.Owner)
	on := "/org/clusters/" + cluster.String()
	for _, c := range []struct {
		path, referer, want string
		form                url.Values
	}{
		{on + "/extend", "", on, url.Values{"extend_hours": {"1,000"}}},
		{on + "/extend", on + "?search=node&sort=name", on + "?search=node&sort=name", url.Values{"extend_hours": {"1,000"}}},
		{on + "/extend", "/org/clusters?search=x", on, url.Values{"extend_hours": {"1,000"}}},
		{"/org/clusters", "", "/org/clusters/new", nil},
		{"/org/invitations", "/org/invitations?q=x", "/org/invitations?q=x", nil},
		{"/org/clusters/00000000-0000-7000-8000-000000000001/stop", "", "/org/clusters/00000000-0000-7000-8000-000000000001", nil},
	} {
		header := http.Header{}
		if c.referer != "" {
			header.Set("Referer", a.URL+c.referer)
		}
		got := b.Do(http.MethodPost, c.path, c.form, header)
		m := answerOf.FindStringSubmatch(got.Body)
		if got.Status < 400 || m == nil || html.UnescapeString(m[1]) != c.want {
			t.Errorf("POST %s from %q: %d, answers %q, want %s", c.path, c.referer, got.Status, m, c.want)
		}
	}
	if got := b.Get(on); answerOf.MatchString(got.Body) {
		t.Error("a page that was opened says that it answers a form")
	}
}
