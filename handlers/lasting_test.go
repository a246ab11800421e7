package handlers_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"volary.dev/handlers/handlertest"
)

// asking are the routes that give lasting power: they ask for a password that was given a while ago.
func asking() []string {
	return []string{
		"POST /account/ssh-keys",
		"POST /org/invitations", "POST /org/invitations/:id/resend", "POST /org/members/:id/role", "POST /org/members/:id/remove",
		"POST /org/clusters/:id/delete",
		"POST /provider/hosts", "POST /provider/hosts/:id/code", "POST /provider/invitations", "POST /provider/invitations/:id/resend",
		"POST /provider/staff/:id/role", "POST /provider/staff/:id/remove",
		"POST /provider/offers", "POST /provider/offers/:id/end", "POST /provider/offers/:id/prices", "POST /provider/offers/:id/prices/:price/withdraw",
		"POST /provider/grants",
		"POST /provider/certificates/retire", "POST /provider/certificates/revoke", "POST /platform/certificates/retire", "POST /platform/certificates/revoke",
		"POST /platform/people/:id/admin", "POST /platform/people/:id/no-admin",
		"POST /platform/people/:id/auditor", "POST /platform/people/:id/no-auditor", "POST /platform/providers/:id/approve",
	}
}

// notAsking are all other forms, by why they need no password of a moment ago.
func notAsking() map[string][]string {
	return map[string][]string{
		"it asks for a password, or a link's secret, itself": {
			"POST /sign-in", "POST /sign-up", "POST /sign-up/resend", "POST /confirm", "POST /confirm-email", "POST /reset", "POST /reset/choose",
			"POST /account/email", "POST /account/password", "POST /invitations/:token",
		},
		"it changes what the person sees of themselves": {
			"POST /switch", "POST /account", "POST /account/mails", "POST /org/announcements/:id/dismiss", "POST /account/organizations",
		},
		"it takes something from the person alone": {
			"POST /sign-out", "POST /account/ssh-keys/:id/delete", "POST /account/sessions/:id/end", "POST /account/sessions/end-others", "POST /org/leave",
		},
		"it is seen and undone by others of the place": {
			"POST /org/members/:id/cap", "POST /org/invitations/:id/revoke", "POST /provider/invitations/:id/revoke", "POST /provider/settings", "POST /org/settings", "POST /provider/settings/kept-disks", "POST /provider/accounts", "POST /provider/certificates/require", "POST /org/models/:id/share", "POST /org/models/:id/share/withdraw", "POST /platform/organizations/:id/starters",
			"POST /org/requests/:id/approve", "POST /org/requests/:id/decline", "POST /org/requests/:id/withdraw",
			"POST /org/clusters/:id/consent", "POST /org/clusters/:id/consent/withdraw",
			"POST /provider/clusters/:id/pause", "POST /provider/clusters/:id/resume", "POST /provider/clusters/:id/end", "POST /provider/clusters/:id/allow", "POST /provider/announcements", "POST /provider/announcements/:id/end",
			"POST /platform/organizations/:id/suspend", "POST /platform/organizations/:id/lift", "POST /platform/organizations/:id/quota", "POST /platform/people/:id/suspend", "POST /platform/people/:id/lift",
			"POST /platform/providers/:id/reject", "POST /platform/providers/:id/suspend", "POST /platform/providers/:id/lift", "POST /provider-application",
		},
		"it is the day's work": {
			"POST /uploads/", "POST /org/uploads", "POST /org/uploads/:id/retry", "POST /org/uploads/:id/discard", "POST /org/uploads/:id/bundle", "POST /org/shared-models/:id/clone", "POST /org/images/:id/delete", "POST /org/models", "POST /org/models/:id/versions", "POST /org/versions/:id", "POST /org/versions/:id/publish", "POST /org/versions/:id/withdraw", "POST /org/versions/:id/restore",
			"POST /org/versions/:id/test", "POST /org/tests/:id/cancel", "POST /org/clusters", "POST /org/clusters/:id/start", "POST /org/clusters/:id/stop", "POST /org/clusters/:id/extend", "POST /org/clusters/:id/scale", "POST /org/clusters/:id/drain", "POST /org/clusters/:id/lease",
			"POST /org/orders", "POST /org/orders/:id/withdraw", "POST /provider/orders/:id/approve", "POST /provider/orders/:id/reject", "POST /provider/periods/:month/close", "POST /provider/payments", "POST /provider/repayments", "POST /provider/credit-notes", "POST /provider/taxes/rates", "POST /provider/taxes/exemptions", "POST /provider/invoices/:id/use-credit", "POST /provider/periods/:month/close",
			"POST /org/clusters/:id/nodes/:node/console/ticket", "POST /provider/clusters/:id/nodes/:node/console/ticket",
			"POST /provider/hosts/:id/check", "POST /provider/hosts/:id/cordon", "POST /provider/hosts/:id/drain", "POST /provider/hosts/:id/activate", "POST /provider/hosts/:id/remove",
			"POST /provider/pools", "POST /provider/pools/:id", "POST /provider/shapes", "POST /provider/shapes/:id/retire",
			"POST /provider/jobs/:id/retry", "POST /provider/jobs/:id/cancel", "POST /platform/jobs/:id/retry", "POST /platform/jobs/:id/cancel", "POST /platform/outbox/:id/send",
		},
	}
}

// Every form that there is says whether it asks, and those that do refuse an old password, whoever may send them; nothing
// is done, and what was typed is kept.
func TestLastingPowerAsksForThePasswordAgain(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	paths := worldPaths(a, w)
	browsers := map[who]*handlertest.Browser{}
	for _, p := range signedIn() {
		browsers[p] = a.SignIn(string(p))
	}
	age(t, a)
	said := map[string]bool{}
	for _, routes := range notAsking() {
		for _, r := range routes {
			said[r] = true
		}
	}
	for _, r := range asking() {
		if said[r] {
			t.Errorf("%s both asks and does not", r)
		}
		said[r] = true
	}
	for _, r := range a.Routes() {
		if strings.HasPrefix(r, "POST ") && !said[r] {
			t.Errorf("%s: say whether it gives lasting power, and so asks for the password again", r)
		}
	}
	before := countRows(t, a)
	for _, r := range matrix() {
		if !slices.Contains(asking(), r.route) {
			continue
		}
		delete(said, r.route)
		for _, p := range r.may {
			got := browsers[p].Post(paths(strings.TrimPrefix(r.route, "POST ")), url.Values{"kept": {"as <typed>"}, "password": {"a secret of theirs"}})
			if got.Status != http.StatusUnauthorized || !strings.Contains(got.Body, `name="password_again"`) ||
				!strings.Contains(got.Body, `name="kept" value="as &lt;typed&gt;"`) || strings.Contains(got.Body, "a secret of theirs") {
				t.Errorf("%s as %s with an old password: %d", r.route, p, got.Status)
			}
		}
	}
	if after := countRows(t, a); after != before {
		t.Errorf("rows before:\n%s\nand after:\n%s", before, after)
	}
	for _, r := range matrix() { // in their order: the last ones end sessions
		if !strings.HasPrefix(r.route, "POST ") || !said[r.route] || len(r.may) == 0 {
			continue
		}
		got := browsers[signedInOf(r.may)].Post(paths(strings.TrimPrefix(r.route, "POST ")), nil)
		if strings.Contains(got.Body, `name="password_again"`) {
			t.Errorf("%s asks for the password again, and is not said to", r.route)
		}
	}
}

func signedInOf(may access) who {
	if may[0] == anonymous {
		return may[1]
	}
	return may[0]
}

// age makes all passwords ones that were given eleven minutes ago.
func age(t *testing.T, a *handlertest.App) {
	t.Helper()
	if _, err := a.Pool.Exec(t.Context(), `UPDATE sessions SET fresh_at = now() - interval '11 minutes'`); err != nil {
		t.Fatal(err)
	}
}

// The page goes on with the form, a wrong password keeps it, and wrong ones count as those to sign in do.
func TestThePasswordGivenAgainGoesOn(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	a.World()
	b := a.SignIn(handlertest.Member)
	age(t, a)
	key := url.Values{"name": {"laptop"}, "public_key": {"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIIJg3ZJ8nkVU1sP5cE1zKQxT7b4qL1a0V1y1vJm0Z5xq me@laptop"}}
	form := func(password string) url.Values {
		return url.Values{"name": key["name"], "public_key": key["public_key"], "password_again": {password}}
	}
	if got := b.Post("/account/ssh-keys", form("not it at all")); got.Status != http.StatusUnauthorized || !strings.Contains(got.Body, "This is not your password.") ||
		!strings.Contains(got.Body, "me@laptop") || strings.Contains(got.Body, "not it at all") {
		t.Errorf("a wrong password: %d %s", got.Status, got.Body)
	}
	if got := b.Post("/account/ssh-keys", form(handlertest.Password)); got.Status != http.StatusSeeOther {
		t.Fatalf("the right password: %d %s", got.Status, got.Body)
	}
	if got := b.Get("/account/ssh-keys"); !strings.Contains(got.Body, "laptop") {
		t.Error("the key is not there")
	}
	if got := b.Post("/org/models", url.Values{"name": {""}}); got.Status != http.StatusUnprocessableEntity {
		t.Errorf("another form: %d", got.Status)
	}
	if got := b.Post("/account/ssh-keys", key); strings.Contains(got.Body, `name="password_again"`) {
		t.Error("asked again within ten minutes")
	}
	age(t, a)
	for range 8 {
		b.Post("/account/ssh-keys", form("not it at all"))
	}
	if got := b.Post("/account/ssh-keys", form(handlertest.Password)); got.Status != http.StatusUnauthorized || !strings.Contains(got.Body, "too many failed sign-ins") {
		t.Errorf("after eight wrong ones: %d", got.Status)
	}
}
