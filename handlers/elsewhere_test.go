package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"volary.dev/handlers/handlertest"
)

// TestLinksOfAnotherPlaceSayWhoseTheyAre opens every page with an id of the first organization and of North as somebody whose
// session works elsewhere: before they belong there it is as if nothing were, afterwards it is said whose it is.
func TestLinksOfAnotherPlaceSayWhoseTheyAre(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	paths := worldPaths(a, w)
	name := func(query string, id uuid.UUID) (name string) {
		if err := a.Pool.QueryRow(t.Context(), query, id).Scan(&name); err != nil {
			t.Fatal(err)
		}
		return name
	}
	first := name(`SELECT name FROM organizations WHERE id = $1`, w.Organization)
	north := name(`SELECT name FROM providers WHERE id = $1`, w.North)
	owner, admin := a.SignIn(handlertest.OtherOwner), a.SignIn(handlertest.OtherAdmin)
	join := func(query string, at uuid.UUID, who ...string) {
		for _, email := range who {
			if _, err := a.Pool.Exec(t.Context(), query, at, w.Person(email)); err != nil {
				t.Fatal(err)
			}
		}
	}
	look := func(says bool) {
		t.Helper()
		for _, r := range matrix() {
			method, pattern, _ := strings.Cut(r.route, " ")
			if method != http.MethodGet || !r.owned || strings.Contains(pattern, "/console/ws") || strings.Contains(pattern, "/:month") /* every provider has each month */ || strings.HasPrefix(pattern, "/uploads/") { // no pages
				continue
			}
			b, place, value := owner, first, "org:"+w.Organization.String()
			if strings.HasPrefix(pattern, "/provider/") {
				b, place, value = admin, north, "provider:"+w.North.String()
			}
			path := paths(pattern)
			got := b.Get(path)
			said := strings.Contains(got.Body, "This belongs to <bdi>"+place) && strings.Contains(got.Body, `name="to" value="`+value+`"`) &&
				strings.Contains(got.Body, `name="next" value="`+path+`"`)
			if got.Status != http.StatusNotFound || said != says || !says && strings.Contains(got.Body, place) {
				t.Errorf("GET %s: %d, says whose it is: %t, want %t", path, got.Status, said, says)
			}
		}
	}
	look(false)
	// Somebody with another place, too: what is asked about somebody else's is answered as what is about nothing.
	join(`INSERT INTO staff (provider_id, person_id, role, created_at) VALUES ($1, $2, 'admin', now())`, w.North, handlertest.OtherOwner)
	join(`INSERT INTO memberships (organization_id, person_id, role, created_at) VALUES ($1, $2, 'owner', now())`, w.Organization, handlertest.OtherAdmin)
	look(false)
	nothing := "/org/clusters/" + uuid.NewString()
	foreign, unknown := owner.Get(paths("/org/clusters/:id")), owner.Get(nothing)
	if volatile.ReplaceAllString(foreign.Body, "") != volatile.ReplaceAllString(unknown.Body, "") {
		t.Error("what is somebody else's is answered otherwise than what is nobody's")
	}
	join(`INSERT INTO staff (provider_id, person_id, role, created_at) VALUES ($1, $2, 'admin', now())`, w.North, handlertest.OtherAdmin)
	join(`INSERT INTO memberships (organization_id, person_id, role, created_at) VALUES ($1, $2, 'owner', now())`, w.Organization, handlertest.OtherOwner)
	look(true)

	// A session that works for a provider is told of an organization's.
	link := paths("/org/clusters/:id")
	if got := admin.Get(link); got.Status != http.StatusForbidden || !strings.Contains(got.Body, "This belongs to <bdi>"+first) {
		t.Errorf("GET %s at a provider: %d, and not whose it is", link, got.Status)
	}
	to := url.Values{"to": {"org:" + w.Organization.String()}, "next": {link}}
	if got := admin.Post("/switch", to); got.Status != http.StatusSeeOther || got.Header.Get("Location") != link {
		t.Fatalf("the button leads to %d %s", got.Status, got.Header.Get("Location"))
	}
	if got := admin.Get(link); got.Status != http.StatusOK {
		t.Errorf("the link after the switch: %d", got.Status)
	}
	to.Set("next", "//elsewhere.example/")
	if got := owner.Post("/switch", to); got.Header.Get("Location") != "/org" {
		t.Errorf("a switch leads to %s", got.Header.Get("Location"))
	}
}

// TestASecondPlaceDoesNotChangeWhereASignInLeads has people found and join organizations whose names come first.
func TestASecondPlaceDoesNotChangeWhereASignInLeads(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	at := func(email string) string {
		b := a.SignIn(email)
		return b.Get("/").Header.Get("Location") + " " + b.Get(b.Get("/").Header.Get("Location")).Header.Get("Volary-Place")
	}
	for email, home := range map[string]string{
		handlertest.OtherOwner: at(handlertest.OtherOwner), handlertest.Admin: at(handlertest.Admin), handlertest.Member: at(handlertest.Member),
	} {
		b := a.SignIn(email)
		if got := b.Post("/account/organizations", url.Values{"name": {"AAA " + email[:3]}}); got.Status != http.StatusSeeOther {
			t.Fatalf("found: %d %s", got.Status, got.Body)
		}
		if got := at(email); got != home {
			t.Errorf("%s: a sign-in leads to %s, and before the second organization to %s", email, got, home)
		}
	}
	// An invitation that is accepted elsewhere.
	home := at(handlertest.Nobody)
	if _, err := a.Pool.Exec(t.Context(), `INSERT INTO staff (provider_id, person_id, role, created_at) VALUES ($1, $2, 'operator', now() - interval '1 hour')`, w.North, w.Person(handlertest.Nobody)); err != nil {
		t.Fatal(err)
	}
	before := at(handlertest.Nobody)
	if _, err := a.Pool.Exec(t.Context(), `INSERT INTO memberships (organization_id, person_id, role, created_at) VALUES ($1, $2, 'member', now())`, w.Organization, w.Person(handlertest.Nobody)); err != nil {
		t.Fatal(err)
	}
	if got := at(handlertest.Nobody); got != before || before == home {
		t.Errorf("who is staff and joins an organization is led to %s, before to %s, and before that to %s", got, before, home)
	}
}
