package handlers_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"volary.dev/handlers/handlertest"
)

// who is a column of the matrix.
type who string

const anonymous who = "anonymous"

// everyone are all columns, in the order in which a failure names them.
func everyone() []who {
	return []who{
		anonymous, handlertest.Owner, handlertest.Manager, handlertest.Member, handlertest.Billing, handlertest.OtherOwner,
		handlertest.Admin, handlertest.Operator, handlertest.Accountant, handlertest.OtherAdmin, handlertest.PlatformAdmin,
		handlertest.Auditor, handlertest.StaffAuditor, handlertest.RootAuditor, handlertest.Nobody,
	}
}

// access is a set of columns, and what those answer get who are let in but whose organization or provider does not
// own what the path names.
type access []who

// auditorOf is who reads all of an area and changes nothing; empty: nobody, it is everybody's or each person's own.
func auditorOf(route string) who {
	method, path, _ := strings.Cut(route, " ")
	switch {
	case method != http.MethodGet || strings.Contains(path, "/console"):
		return ""
	case path == "/org" || strings.HasPrefix(path, "/org/"):
		return handlertest.Auditor
	case path == "/provider" || strings.HasPrefix(path, "/provider/"):
		return handlertest.StaffAuditor
	case path == "/platform" || strings.HasPrefix(path, "/platform/"):
		return handlertest.RootAuditor
	default:
		return ""
	}
}

func all() access      { return everyone() }
func signedIn() access { return everyone()[1:] }

func orgWork() access {
	return access{handlertest.Owner, handlertest.Manager, handlertest.Member, handlertest.OtherOwner}
}

func orgManage() access {
	return access{handlertest.Owner, handlertest.Manager, handlertest.OtherOwner}
}
func orgRead() access { return append(orgWork(), handlertest.Billing) }

func platformAdmins() access { return access{handlertest.PlatformAdmin} }

func staff() access {
	return access{handlertest.Admin, handlertest.Operator, handlertest.Accountant, handlertest.OtherAdmin}
}

func staffOwn() access { return access{handlertest.Admin, handlertest.OtherAdmin} }

func staffHosts() access {
	return access{handlertest.Admin, handlertest.Operator, handlertest.OtherAdmin}
}

func staffUsage() access {
	return access{handlertest.Admin, handlertest.Accountant, handlertest.OtherAdmin}
}

// row says of one route who may, and with what status those who may are answered. owned routes name something of the
// first organization or provider: the others' people get 404 there, as if it did not exist.
type row struct {
	route string
	may   access
	owned bool
	ok    []int
}

// matrix is every route by every role. A route that is missing here fails TestMatrix.
func matrix() []row {
	return slices.Concat(salesMatrix(), orgMatrix(), providerMatrix(), joiningMatrix(), accountMatrix(), membersMatrix(), platformMatrix(), lastMatrix())
}

// orgMatrix is what everyone sees, and the work of organizations.
func orgMatrix() []row {
	page, led, refused := []int{http.StatusOK}, []int{http.StatusSeeOther}, []int{http.StatusUnprocessableEntity}
	return []row{
		{"GET /", all(), false, []int{http.StatusOK, http.StatusSeeOther}},
		{"GET /market", all(), false, page},
		{"GET /market/images", all(), false, page},
		{"GET /market/providers/:id", all(), false, page},
		{"GET /anchors", all(), false, page},
		{"GET /anchors/heads.json", all(), false, []int{http.StatusNotFound}}, // no day is asked for
		{"GET /certificates/keys.json", all(), false, page},
		{"GET /certificates/:address", all(), false, page},
		{"GET /certificates/:address/envelope.json", all(), false, page},
		{"GET /schemas/cluster-1.json", all(), false, page},
		{"GET /healthz", all(), false, page},
		{"GET /readyz", all(), false, page},
		{"GET /events", signedIn(), false, page},
		{"GET /static/*", all(), false, []int{http.StatusNotFound}}, // no such file
		{"GET /sign-in", all(), false, []int{http.StatusOK, http.StatusSeeOther}},
		{"POST /sign-in", all(), false, refused},
		{"GET /workplaces", signedIn(), false, page},
		{"POST /switch", signedIn(), false, []int{http.StatusNotFound}},
		{"GET /org", orgRead(), false, page},
		{"GET /org/search", orgRead(), false, page},
		{"GET /org/usage", orgRead(), false, page},
		{"GET /org/usage.csv", orgRead(), false, page},
		{"GET /org/usage.xlsx", orgRead(), false, page},
		{"GET /org/usage.jsonl", orgRead(), false, page},
		{"GET /org/usage/people", orgRead(), false, page},
		{"GET /org/usage/:id", orgRead(), true, page},
		{"GET /org/images", orgWork(), false, page},
		{"GET /org/images/new", orgWork(), false, page},
		{"GET /org/images/:id", orgWork(), true, page},
		{"GET /org/uploads/:id", orgWork(), true, page},
		{"POST /org/uploads", orgWork(), false, refused},
		{"POST /org/uploads/:id/retry", orgWork(), true, []int{http.StatusConflict, http.StatusNotFound}}, // it is sent, and no address failed
		{"GET /org/images/:id/delete", orgWork(), true, page},
		{"POST /org/images/:id/delete", orgWork(), true, refused}, // a version uses it
		{"GET /org/models", orgWork(), false, page},
		{"POST /org/models", orgWork(), false, refused},
		{"GET /org/models/new", orgWork(), false, page},
		{"GET /org/models/:id", orgWork(), true, page},
		{"POST /org/models/:id/share", orgManage(), true, refused},
		{"POST /org/models/:id/share/withdraw", orgManage(), true, refused},
		{"GET /org/shared-models", orgWork(), false, page},
		{"GET /org/shared-models/:id", orgWork(), true, page}, // its owner is another: who has it is whom it is shared with
		{"POST /org/shared-models/:id/clone", orgWork(), true, refused},
		{"GET /org/versions/:id/bundle.tar", orgWork(), true, refused}, // a draft
		{"POST /org/uploads/:id/bundle", orgWork(), true, refused},
		{"GET /org/models/:id/versions/new", orgWork(), true, page},
		{"POST /org/models/:id/versions", orgWork(), true, refused},
		{"GET /org/versions/:id", orgWork(), true, page},
		{"POST /org/versions/:id", orgWork(), true, refused},
		{"GET /org/versions/:id/edit", orgWork(), true, page},
		{"GET /org/versions/:id/cluster.yaml", orgWork(), true, page},
		{"GET /org/versions/:id/compare", orgWork(), true, page},
		{"POST /org/versions/:id/publish", orgWork(), true, refused},
		{"GET /org/versions/:id/withdraw", orgWork(), true, page},
		{"POST /org/versions/:id/withdraw", orgWork(), true, refused}, // what runs from it
		{"POST /org/versions/:id/restore", orgWork(), true, refused},  // it is published
		{"POST /org/versions/:id/test", orgWork(), true, refused},
		{"GET /org/tests/:id", orgWork(), true, page},
		{"GET /org/clusters", orgWork(), false, page},
		{"POST /org/clusters", orgWork(), false, refused},
		{"GET /org/clusters/new", orgWork(), false, page},
		{"GET /org/clusters/:id", orgWork(), true, page},
		{"GET /org/clusters/:id/tasks", orgWork(), true, page},
		{"POST /org/clusters/:id/start", orgWork(), true, refused},
		{"POST /org/clusters/:id/extend", orgWork(), true, refused},
		{"POST /org/clusters/:id/lease", orgWork(), true, refused},
		{"GET /org/clusters/:id/scale", orgWork(), true, page},
		{"POST /org/clusters/:id/scale", orgWork(), true, refused},
		{"POST /org/clusters/:id/drain", orgWork(), true, refused},
		{"GET /org/clusters/:id/delete", orgWork(), true, page},
		{"GET /org/clusters/:id/nodes/:node/console", orgWork(), true, page},
		{"GET /org/clusters/:id/nodes/:node/console.log", orgWork(), true, page},
		{"POST /org/clusters/:id/nodes/:node/console/ticket", orgWork(), true, page},
		{"GET /org/clusters/:id/nodes/:node/console/ws", orgWork(), true, []int{http.StatusBadRequest}}, // no WebSocket
		{"GET /org/requests", orgWork(), false, page},
		{"GET /org/requests/:id", orgWork(), true, page},
		{"POST /org/requests/:id/decline", orgManage(), true, refused},
		{"POST /org/requests/:id/approve", orgManage(), true, []int{http.StatusSeeOther, http.StatusUnprocessableEntity}},
		{"POST /org/requests/:id/withdraw", orgWork(), true, refused}, // it is decided
		{"GET /org/log", orgManage(), false, page},
		{"GET /org/log.jsonl", orgManage(), false, page},
		{"POST /org/announcements/:id/dismiss", orgRead(), true, led},
		{"POST /org/clusters/:id/consent", orgWork(), true, refused},
		{"POST /uploads/", orgWork(), false, []int{http.StatusPreconditionFailed, http.StatusBadRequest}},
		{"HEAD /uploads/:id", orgWork(), true, []int{http.StatusOK, http.StatusPreconditionFailed, http.StatusNotFound}},
		{"GET /uploads/:id/sums", orgWork(), true, []int{http.StatusOK, http.StatusNotFound}},
		{"PATCH /uploads/:id", orgWork(), true, []int{http.StatusPreconditionFailed, http.StatusBadRequest, http.StatusNotFound}},
		{"DELETE /uploads/:id", orgWork(), true, []int{http.StatusPreconditionFailed, http.StatusNoContent, http.StatusNotFound}},
	}
}

// providerMatrix is the work of providers' staff.
func providerMatrix() []row {
	page, led, refused := []int{http.StatusOK}, []int{http.StatusSeeOther}, []int{http.StatusUnprocessableEntity}
	return []row{
		{"GET /provider", staff(), false, page},
		{"GET /provider/hosts", staffHosts(), false, page},
		{"POST /provider/hosts", staffHosts(), false, refused},
		{"GET /provider/hosts/new", staffHosts(), false, page},
		{"GET /provider/hosts/:id", staffHosts(), true, page},
		{"GET /provider/hosts/:id/remove", staffHosts(), true, page},
		{"POST /provider/hosts/:id/remove", staffHosts(), true, refused}, // it carries nodes
		{"POST /provider/hosts/:id/code", staffHosts(), true, refused},   // it is enrolled
		{"POST /provider/hosts/:id/check", staffHosts(), true, led},
		{"POST /provider/hosts/:id/cordon", staffHosts(), true, led},
		{"POST /provider/hosts/:id/drain", staffHosts(), true, led},
		{"POST /provider/hosts/:id/activate", staffHosts(), true, led},
		{"GET /provider/pools", staffHosts(), false, page},
		{"POST /provider/pools", staffHosts(), false, refused},
		{"GET /provider/pools/new", staffHosts(), false, page},
		{"GET /provider/pools/:id", staffHosts(), true, page},
		{"POST /provider/pools/:id", staffHosts(), true, refused},
		{"GET /provider/pools/:id/edit", staffHosts(), true, page},
		{"GET /provider/shapes", staffHosts(), false, page},
		{"POST /provider/shapes", staffHosts(), false, refused},
		{"GET /provider/shapes/new", staffHosts(), false, page},
		{"POST /provider/shapes/:id/retire", staffHosts(), true, refused}, // nodes have it
		{"GET /provider/clusters", staffHosts(), false, page},
		{"GET /provider/clusters/:id", staffHosts(), true, page},
		{"GET /provider/clusters/:id/nodes/:node/console", staffHosts(), true, page},
		{"GET /provider/clusters/:id/nodes/:node/console.log", staffHosts(), true, page},
		{"POST /provider/clusters/:id/nodes/:node/console/ticket", staffHosts(), true, page},
		{"GET /provider/clusters/:id/nodes/:node/console/ws", staffHosts(), true, []int{http.StatusBadRequest}}, // no WebSocket
		{"GET /provider/announcements", staffHosts(), false, page},
		{"POST /provider/announcements", staffHosts(), false, refused},
		{"GET /provider/announcements/new", staffHosts(), false, page},
		{"GET /provider/log", staffHosts(), false, page},
		{"GET /provider/log.jsonl", staffHosts(), false, page},
		{"GET /provider/search", staff(), false, page},
		{"GET /provider/organizations", staff(), false, page},
		{"GET /provider/organizations/:id", staff(), true, page},
		{"GET /provider/usage", staffUsage(), false, page},
		{"GET /provider/usage.csv", staffUsage(), false, page},
		{"GET /provider/usage.xlsx", staffUsage(), false, page},
		{"GET /provider/usage.jsonl", staffUsage(), false, page},
		{"GET /provider-application", signedIn(), false, page},
		{"POST /provider-application", signedIn(), false, refused},
		{"GET /provider/jobs", staffHosts(), false, page},
		{"POST /provider/jobs/:id/retry", staffHosts(), true, refused}, // it waits
		{"GET /provider/staff", staffOwn(), false, page},
		{"GET /provider/certificates", staffOwn(), false, page},
		{"POST /provider/certificates/require", staffOwn(), false, refused},
		{"POST /provider/settings/kept-disks", staffOwn(), false, refused},
		{"POST /provider/certificates/retire", staffOwn(), false, refused},
		{"POST /provider/certificates/revoke", staffOwn(), false, refused},
		{"POST /provider/staff/:id/role", staffOwn(), true, refused},
		{"GET /provider/invitations", staffOwn(), false, page},
		{"POST /provider/invitations/:id/resend", staffOwn(), true, page},
		{"POST /provider/invitations", staffOwn(), false, refused},
		{"GET /provider/settings", staffOwn(), false, page},
		{"POST /provider/settings", staffOwn(), false, refused},
	}
}

// lastMatrix is what ends things: it comes after everything else.
func lastMatrix() []row {
	led, refused := []int{http.StatusSeeOther}, []int{http.StatusUnprocessableEntity}
	return []row{
		// These change what the rows before need.
		{"POST /provider/jobs/:id/cancel", staffHosts(), true, []int{http.StatusSeeOther, http.StatusUnprocessableEntity}}, // once
		{"POST /platform/jobs/:id/cancel", platformAdmins(), false, refused},
		{"POST /provider/invitations/:id/revoke", staffOwn(), true, led},
		{"POST /provider/staff/:id/remove", staffOwn(), true, led},
		{"POST /provider/announcements/:id/end", staffHosts(), true, []int{http.StatusSeeOther, http.StatusUnprocessableEntity}},
		{"POST /org/clusters/:id/consent/withdraw", orgWork(), true, led},
		{"POST /org/uploads/:id/discard", orgWork(), true, []int{http.StatusSeeOther, http.StatusNotFound}},      // once
		{"POST /org/invitations/:id/revoke", orgManage(), true, []int{http.StatusSeeOther, http.StatusNotFound}}, // once
		{"POST /org/members/:id/remove", access{handlertest.Owner, handlertest.OtherOwner}, true, led},
		{"POST /provider/clusters/:id/allow", staffHosts(), true, refused},  // nobody ended it
		{"POST /provider/clusters/:id/resume", staffHosts(), true, refused}, // nobody paused it
		{"POST /provider/clusters/:id/pause", staffHosts(), true, refused},  // without a reason
		{"POST /provider/clusters/:id/end", staffHosts(), true, refused},    // without a reason
		{"POST /org/tests/:id/cancel", orgWork(), true, []int{http.StatusSeeOther, http.StatusUnprocessableEntity}},
		{"POST /org/clusters/:id/stop", orgWork(), true, []int{http.StatusSeeOther, http.StatusUnprocessableEntity, http.StatusConflict}},
		{"POST /org/clusters/:id/delete", orgWork(), true, led},
		{"POST /org/leave", append(orgRead(), handlertest.Auditor), false, []int{http.StatusSeeOther, http.StatusUnprocessableEntity}}, // owners stay
		{"POST /sign-out", signedIn(), false, led},
	}
}

// forms are what is sent where an empty form would be refused before anybody looks whose the id is.
func forms() map[string]url.Values {
	return map[string]url.Values{
		"POST /org/members/:id/role": {"role": {"member"}},
	}
}

func TestMatrix(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	paths := worldPaths(a, w)
	browsers := map[who]*handlertest.Browser{anonymous: a.Browser()}
	for _, p := range signedIn() {
		browsers[p] = a.SignIn(string(p))
	}
	listed := map[string]bool{}
	for _, r := range matrix() {
		listed[r.route] = true
		for _, p := range everyone() {
			method, pattern, _ := strings.Cut(r.route, " ")
			if p == auditorOf(r.route) {
				r.may = append(slices.Clone(r.may), p)
			}
			got, to := browsers[p].Status(method, paths(pattern), forms()[r.route])
			if want, ok := r.expect(p, method); !ok(got, to) {
				t.Errorf("%s as %s: %d %s, want %s", r.route, p, got, to, want)
			}
		}
	}
	for _, route := range a.Routes() {
		if !listed[route] {
			t.Errorf("%s is not in the matrix: say who may", route)
		}
	}
	for route := range listed {
		if !slices.Contains(a.Routes(), route) {
			t.Errorf("%s is in the matrix and is no route", route)
		}
	}
}

// expect says in words and as a test what a person is answered.
func (r row) expect(p who, method string) (string, func(status int, to string) bool) {
	switch {
	case !slices.Contains(r.may, p) && p == anonymous:
		if strings.Contains(r.route, " /uploads/") {
			return "401", func(s int, _ string) bool { return s == http.StatusUnauthorized }
		}
		return "the way to sign in", func(s int, to string) bool {
			kept := s == http.StatusUnauthorized && method == http.MethodPost // with what was typed
			return kept || s == http.StatusSeeOther && strings.HasPrefix(to, "/sign-in")
		}
	case !slices.Contains(r.may, p):
		return "403", func(s int, _ string) bool { return s == http.StatusForbidden }
	case r.owned && (p == handlertest.OtherOwner || p == handlertest.OtherAdmin), alone()[r.route] != "" && alone()[r.route] != p:
		return "404", func(s int, _ string) bool { return s == http.StatusNotFound }
	default:
		return "one of its own", func(s int, to string) bool {
			led := strings.HasPrefix(to, "/sign-in") && r.route != "GET /" && r.route != "POST /sign-out"
			return slices.Contains(r.ok, s) && !led
		}
	}
}

// worldPaths launches a cluster and a test, and fills patterns with what the first organization and North have.
func worldPaths(a *handlertest.App, w *handlertest.World) func(pattern string) string {
	cluster, head := a.Launch(w, "first", 1)
	address, key := a.Certify(w)
	test := a.Test(w)
	a.Consent(w, cluster)
	sold := a.Sell(w)
	credit := a.TakeBack(w, sold)
	a.SignIn(handlertest.Member)
	announcement := a.Announce(w)
	ids := map[string]string{
		"/org/images/": w.Image.String(), "/org/models/": w.Model.String(), "/org/shared-models/": a.Share(w).String(), "/org/versions/": w.Draft.String(),
		"/org/tests/": test.String(), "/org/clusters/": cluster.String(), "/org/usage/": cluster.String(), "/account/ssh-keys/": w.Key.String(),
		"/account/sessions/": a.Session(w.Person(handlertest.Member)).String(), "/org/requests/": a.Request(w, "asked").String(),
		"/org/members/": w.Extra.String(), "/org/invitations/": w.Invitation.String(), "/platform/organizations/": w.Organization.String(),
		"/platform/people/": w.Person(handlertest.PlatformAdmin).String(), "/platform/outbox/": w.Mail.String(),
		"/provider/hosts/": w.Host.String(), "/provider/pools/": w.Pool.String(), "/provider/shapes/": w.Shape.String(), "/uploads/": w.Upload, "/org/uploads/": w.Upload,
		"/provider/announcements/": announcement.String(), "/org/announcements/": announcement.String(),
		"/provider/clusters/": cluster.String(), "/provider/organizations/": w.Organization.String(),
		"/market/providers/": w.North.String(), "/org/orders/": sold.Waiting.String(), "/provider/orders/": sold.Waiting.String(),
		"/org/statements/": a.Statement(w).String(),
		"/org/invoices/":   sold.Invoice.String(), "/provider/invoices/": sold.Invoice.String(), "/provider/offers/": sold.Offer.String(),
		"/org/credit-notes/": credit.String(), "/provider/credit-notes/": credit.String(),
		"/platform/providers/": w.North.String(), "/provider/staff/": w.Person(handlertest.Accountant).String(),
		"/provider/jobs/": a.CheckJob(w), "/platform/jobs/": a.CheckJob(w), "/provider/invitations/": a.InviteStaff(w).String(),
	}
	return func(pattern string) string {
		for prefix, id := range ids {
			if rest, ok := strings.CutPrefix(pattern, prefix+":id"); ok {
				return strings.NewReplacer(":node", head.String(), ":price", sold.Next.String()).Replace(prefix + id + rest)
			}
		}
		return strings.NewReplacer("*", "nothing.css", ":month", handlertest.ClosedMonth().String(), ":name", "journal.csv", ":address", address, ":key", key.String()).Replace(pattern)
	}
}
