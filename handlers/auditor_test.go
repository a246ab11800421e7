package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"volary.dev/billing"
	"volary.dev/handlers/handlertest"
)

// An auditor sees what the others' pages show and is told that nothing is to be changed; no link of a mail is shown, no
// console is offered.
func TestAuditorsRead(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	cluster, _ := a.Launch(w, "first", 1)
	a.Consent(w, cluster)
	org, staff, root := a.SignIn(handlertest.Auditor), a.SignIn(handlertest.StaffAuditor), a.SignIn(handlertest.RootAuditor)
	const told = "You are an auditor here"
	for path, b := range map[string]*handlertest.Browser{
		"/org/log": org, "/org/usage": org, "/org/invoices": org, "/org/members": org, "/org/clusters/" + cluster.String(): org,
		"/provider/log": staff, "/provider/usage": staff, "/provider/staff": staff, "/provider/clusters/" + cluster.String(): staff,
		"/platform/log": root, "/platform/people": root,
	} {
		got := b.Get(path)
		says(t, path, got, http.StatusOK, told, `class="area-`)
		if !strings.Contains(got.Body, " reading") || strings.Contains(got.Body, "/console\"") {
			t.Errorf("%s: its forms are shown, or a console is offered", path)
		}
	}
	limit := 5 * billing.ComputeHour
	if err := a.Store.Machines.SetCap(t.Context(), w.Organization, w.Person(handlertest.Owner), w.Extra, &limit); err != nil {
		t.Fatal(err)
	}
	a.Request(w, "asked")
	a.Sell(w)
	says(t, "members as an auditor sees them", org.Get("/org/members"), http.StatusOK, "Left of it", "5.00", "1 open invitation", "A cap is not of a month")
	says(t, "requests as an auditor sees them", org.Get("/org/requests"), http.StatusOK, "Asked by", handlertest.Member)
	says(t, "invitations as an auditor sees them", org.Get("/org/invitations"), http.StatusOK, "invited@first.example")
	lacks(t, "invitations as an auditor sees them", org.Get("/org/invitations"), "Take back")
	for _, form := range []string{"/org/orders/new", "/org/clusters/new", "/org/models/new"} {
		got := org.Get(form)
		says(t, form, got, http.StatusOK, "An auditor reads here.")
		lacks(t, form, got, `method="post" action="`+strings.TrimSuffix(form, "/new"))
	}
	lacks(t, "an auditor's own account", org.Get("/account"), told)
	says(t, "members as an auditor sees them", org.Get("/org/members"), http.StatusOK, `action="/org/leave"`)
	lacks(t, "members as an auditor sees them", org.Get("/org/members"), `/role"`)
	_, err := a.Pool.Exec(t.Context(), `UPDATE mails SET state = 'kept', subject = 'Hello', body = 'open http://x/invitations/SECRET' WHERE id = $1`, w.Mail)
	if err != nil {
		t.Fatal(err)
	}
	mail := "/platform/outbox/" + w.Mail.String()
	says(t, "an admin's mail", a.SignIn(handlertest.PlatformAdmin).Get(mail), http.StatusOK, "/invitations/")
	lacks(t, "an auditor's mail", root.Get(mail), "/invitations/")

	person := "/platform/people/" + w.Person(handlertest.Nobody).String()
	says(t, "making an auditor", root.Post(person+"/auditor", nil), http.StatusForbidden)
	admin := a.SignIn(handlertest.PlatformAdmin)
	says(t, "making an auditor", admin.Post(person+"/auditor", nil), http.StatusSeeOther)
	says(t, "the log", admin.Get("/platform/log?of=nobody"), http.StatusOK, "made or unmade an auditor of the platform")
	says(t, "the new one", a.SignIn(handlertest.Nobody).Get("/platform"), http.StatusOK, told)
	says(t, "inviting one", a.SignIn(handlertest.Owner).Post("/org/invitations", url.Values{"email": {"new@first.example"}, "role": {"auditor"}, "by": {"mail"}}), http.StatusSeeOther)
}

// An auditor may end their own membership, and then sees the organization no more.
func TestAuditorLeaves(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	a.World()
	b := a.SignIn(handlertest.Auditor)
	says(t, "the log before", b.Get("/org/log"), http.StatusOK)
	says(t, "leaving", b.Post("/org/leave", nil), http.StatusSeeOther)
	if got := b.Get("/org/log"); got.Status == http.StatusOK {
		t.Errorf("who left still reads the log: %d", got.Status)
	}
}
