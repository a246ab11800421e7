package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"volary.dev/handlers/handlertest"
	"volary.dev/store/people"
)

// whileSuspended are the forms of organizations and providers that work for one that is suspended, by why. All others are refused:
// see refusedWhileSuspended.
func whileSuspended() map[string][]string {
	return map[string][]string{
		"it winds down": {
			"POST /org/clusters/:id/stop", "POST /org/clusters/:id/drain", "POST /org/clusters/:id/delete", "POST /org/images/:id/delete", "POST /org/versions/:id/withdraw", "POST /org/models/:id/share/withdraw", "POST /org/orders/:id/withdraw", "DELETE /uploads/:id", "POST /org/uploads/:id/discard",
			"POST /org/requests/:id/decline", "POST /org/requests/:id/withdraw", "POST /org/invitations/:id/revoke", "POST /org/members/:id/remove", "POST /org/leave", "POST /org/tests/:id/cancel",
			"POST /provider/hosts/:id/cordon", "POST /provider/hosts/:id/drain", "POST /provider/hosts/:id/remove", "POST /provider/shapes/:id/retire",
			"POST /provider/clusters/:id/end", "POST /provider/clusters/:id/pause", "POST /provider/announcements/:id/end", "POST /provider/offers/:id/end", "POST /provider/orders/:id/reject",
			"POST /provider/jobs/:id/cancel", "POST /provider/invitations/:id/revoke", "POST /provider/staff/:id/remove",
			"POST /provider/certificates/retire", "POST /provider/certificates/revoke",
		},
		"it is a word, and takes no host, disk or money": {
			"POST /org/models", "POST /org/models/:id/versions", "POST /org/versions/:id", "POST /org/versions/:id/publish", "POST /org/versions/:id/restore", "POST /org/announcements/:id/dismiss",
			"POST /provider/settings", "POST /org/settings", "POST /provider/settings/kept-disks", "POST /provider/certificates/require", "POST /provider/accounts", "POST /provider/taxes/rates", "POST /provider/taxes/exemptions", "POST /provider/periods/:month/close",
		},
		"it writes down what came in or went out at the bank, or gives back what was paid": {"POST /provider/credit-notes", "POST /provider/payments", "POST /provider/repayments", "POST /provider/invoices/:id/use-credit"},
		"it orders who works there, and adds nobody":                                       {"POST /org/members/:id/role", "POST /org/members/:id/cap", "POST /provider/staff/:id/role"},
		"it lets somebody look at what runs still":                                         {"POST /org/clusters/:id/consent", "POST /org/clusters/:id/consent/withdraw", "POST /org/clusters/:id/nodes/:node/console/ticket", "POST /provider/clusters/:id/nodes/:node/console/ticket"},
		"it takes a bar back; the start itself is refused":                                 {"POST /provider/clusters/:id/allow"},
		"it goes on as it was sold; a pause that could not be taken back would end it":     {"POST /provider/clusters/:id/resume"},
		"it is asked of the job: the check of a host is not":                               {"POST /provider/jobs/:id/retry"}, // TestSuspendedProviderIsNotChecked
	}
}

// TestEveryFormOfTheSuspended has each form of organizations and providers be refused with the reason of the suspension, or be
// listed above.
func TestEveryFormOfTheSuspended(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	paths := worldPaths(a, w)
	offer := strings.TrimPrefix(paths("/provider/offers/:id"), "/provider/offers/")
	ctx := t.Context()
	stopped, _ := a.Launch(w, "stopped", 0)
	root := w.Person(handlertest.PlatformAdmin)
	invited, _, err := a.Store.People.InviteToOrganization(ctx, w.Organization, w.Person(handlertest.Owner), people.NewInvitation{Role: "member"})
	if err != nil {
		t.Fatal(err)
	}
	if err := a.Store.People.SuspendOrganization(ctx, root, w.Organization, "unpaid since May"); err != nil {
		t.Fatal(err)
	}
	a.Stopped(stopped)
	launch := url.Values{"name": {"late"}, "version": {w.Version.String()}, "pool": {w.Pool.String()}, "compute_count": {"0"}, "lease_hours": {"1"}}
	host := "/provider/hosts/" + w.Host.String()
	refused := map[string]struct {
		as, path string
		form     url.Values
	}{
		"POST /org/models/:id/share": {handlertest.Owner, "/org/models/" + w.Model.String() + "/share", url.Values{"everyone": {"yes"}}}, "POST /org/shared-models/:id/clone": {handlertest.Owner, paths("/org/shared-models/:id/clone"), url.Values{"name": {"late"}, "version": {w.Version.String()}}}, "POST /org/uploads/:id/bundle": {handlertest.Owner, "/org/uploads/" + w.Upload + "/bundle", url.Values{"name": {"late"}}},
		"POST /org/clusters":            {handlertest.Owner, "/org/clusters", launch},
		"POST /org/clusters/:id/start":  {handlertest.Owner, "/org/clusters/" + stopped.String() + "/start", url.Values{"lease_hours": {"1"}}},
		"POST /org/clusters/:id/extend": {handlertest.Owner, paths("/org/clusters/:id/extend"), url.Values{"extend_hours": {"1"}}}, "POST /org/clusters/:id/scale": {handlertest.Owner, paths("/org/clusters/:id/scale"), url.Values{"group": {"compute"}, "count": {"2"}}}, "POST /org/clusters/:id/lease": {handlertest.Owner, paths("/org/clusters/:id/lease"), url.Values{"until_stopped": {"yes"}}},
		"POST /org/versions/:id/test":    {handlertest.Owner, "/org/versions/" + w.Version.String() + "/test", url.Values{"pool": {w.Pool.String()}}},
		"POST /org/requests/:id/approve": {handlertest.Owner, paths("/org/requests/:id/approve"), nil}, "POST /org/invitations": {handlertest.Owner, "/org/invitations", url.Values{"email": {"late@first.example"}, "role": {"member"}, "by": {"mail"}}},
		"POST /org/invitations/:id/resend": {handlertest.Owner, "/org/invitations/" + invited.String() + "/resend", nil},
		"POST /org/uploads":                {handlertest.Owner, "/org/uploads", url.Values{"address": {"https://files.example/disk.img"}}}, "POST /org/uploads/:id/retry": {handlertest.Owner, "/org/uploads/" + w.Upload + "/retry", nil},
		"POST /org/orders":                                 {handlertest.Owner, "/org/orders", url.Values{"offer": {offer}, "hours": {"10"}, "shown_offer": {offer}, "shown_hours": {"10"}}},
		"POST /provider/hosts":                             {handlertest.Admin, "/provider/hosts", url.Values{"pool": {w.Pool.String()}, "scheme": {"tls"}, "name": {"late"}, "address": {"late.example"}, "underlay": {"192.0.2.99"}}},
		"POST /provider/hosts/:id/code":                    {handlertest.Admin, host + "/code", nil},
		"POST /provider/hosts/:id/check":                   {handlertest.Admin, host + "/check", nil},
		"POST /provider/hosts/:id/activate":                {handlertest.Admin, host + "/activate", nil},
		"POST /provider/pools":                             {handlertest.Admin, "/provider/pools", poolForm()},
		"POST /provider/pools/:id":                         {handlertest.Admin, "/provider/pools/" + w.Pool.String(), poolForm()},
		"POST /provider/shapes":                            {handlertest.Admin, "/provider/shapes", url.Values{"name": {"late"}, "vcpus": {"8"}, "memory": {"65536"}, "disk": {"100"}}},
		"POST /provider/offers":                            {handlertest.Admin, "/provider/offers", url.Values{"name": {"late"}, "least_hours": {"5"}, "good_days": {"30"}, "price": {"0.0125"}}},
		"POST /provider/offers/:id/prices":                 {handlertest.Admin, "/provider/offers/" + offer + "/prices", url.Values{"price": {"0.03"}}},
		"POST /provider/offers/:id/prices/:price/withdraw": {handlertest.Admin, paths("/provider/offers/:id/prices/:price/withdraw"), nil},
		"POST /provider/grants":                            {handlertest.Admin, "/provider/grants", url.Values{"organization": {"First Group"}, "hours": {"5"}, "until": {"2999-12-31"}, "purpose": {"course"}}},
		"POST /provider/announcements":                     {handlertest.Admin, "/provider/announcements", url.Values{"title": {"late"}, "text": {"Later."}, "tone": {"note"}}},
		"POST /provider/invitations":                       {handlertest.Admin, "/provider/invitations", url.Values{"email": {"late@north.example"}, "role": {"operator"}, "by": {"mail"}}},
		"POST /provider/invitations/:id/resend":            {handlertest.Admin, paths("/provider/invitations/:id/resend"), nil},
		"POST /provider/orders/:id/approve":                {handlertest.Accountant, paths("/provider/orders/:id/approve"), nil},
	}
	browsers := map[string]*handlertest.Browser{}
	for _, who := range []string{handlertest.Owner, handlertest.Admin, handlertest.Accountant} {
		browsers[who] = a.SignIn(who)
	}
	try := func(area string) {
		for route, r := range refused {
			if !strings.HasPrefix(route, area) {
				continue
			}
			got := browsers[r.as].Post(r.path, r.form)
			says(t, route, got, http.StatusUnprocessableEntity, "has been suspended since", "unpaid since May") // a page's banner has other words
		}
	}
	try("POST /org/")
	for _, method := range []string{http.MethodPost, http.MethodPatch} {
		got := browsers[handlertest.Owner].Do(method, paths("/uploads/:id"), nil, http.Header{
			"Tus-Resumable": {"1.0.0"}, "Upload-Offset": {"0"}, "Upload-Length": {"1"}, "Content-Type": {"application/offset+octet-stream"},
		})
		if method == http.MethodPatch && (got.Status != http.StatusUnprocessableEntity || !strings.Contains(got.Body, "unpaid since May")) {
			t.Errorf("an upload goes on: %d %s", got.Status, got.Body)
		}
	}
	if err := a.Store.People.LiftOrganization(ctx, root, w.Organization); err != nil {
		t.Fatal(err)
	}
	if err := a.Store.People.SuspendProvider(ctx, root, w.North, "unpaid since May"); err != nil {
		t.Fatal(err)
	}
	try("POST /provider/")
	known := map[string]bool{"POST /uploads/": true, "PATCH /uploads/:id": true} // and handlers/uploads
	for route := range refused {
		known[route] = true
	}
	for _, list := range whileSuspended() {
		for _, route := range list {
			if known[route] {
				t.Errorf("%s is in two lists", route)
			}
			known[route] = true
		}
	}
	for _, route := range a.Routes() {
		method, path, _ := strings.Cut(route, " ")
		theirs := strings.HasPrefix(path, "/org/") || strings.HasPrefix(path, "/provider/") || strings.HasPrefix(path, "/uploads/")
		if method != http.MethodGet && method != http.MethodHead && theirs && !known[route] {
			t.Errorf("%s: say whether it works for an organization or a provider that is suspended, and why", route)
		}
		delete(known, route)
	}
	for route := range known {
		t.Errorf("%s is no route", route)
	}
}

// A suspended person can send no form but those of people who are not signed in: the session is over, whatever it was.
func TestEveryFormOfASuspendedPerson(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	for _, who := range []string{handlertest.Owner, handlertest.Admin, handlertest.RootAuditor} {
		b := a.SignIn(who)
		if err := a.Store.People.SuspendPerson(t.Context(), w.Person(handlertest.PlatformAdmin), w.Person(who), "a stolen password"); err != nil {
			t.Fatal(err)
		}
		for _, r := range matrix() {
			method, path, _ := strings.Cut(r.route, " ")
			if method == http.MethodGet || len(r.may) == len(everyone()) || strings.Contains(path, "uploads") {
				continue
			}
			path = strings.NewReplacer(":id", uuid.NewString(), ":node", uuid.NewString(), ":price", uuid.NewString()).Replace(path)
			if status, to := b.Status(method, path, nil); status != http.StatusUnauthorized && !strings.HasPrefix(to, "/sign-in") {
				t.Errorf("%s of %s, whose account is suspended: %d %s", r.route, who, status, to)
			}
		}
	}
}

func poolForm() url.Values {
	return url.Values{
		"name": {"late"}, "prefix": {"10.64.0.0/16"}, "subnet_bits": {"24"}, "underlay": {"192.0.2.0/24"}, "storage": {"local"},
		"machine_type": {"q35"}, "underlay_mtu": {"1500"}, "test_vcpus": {"0"}, "max_lease": {"48"},
	}
}
