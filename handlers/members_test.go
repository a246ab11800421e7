package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"volary.dev/handlers/handlertest"
	"volary.dev/store/people"
)

func invitation(email, role string) people.NewInvitation {
	return people.NewInvitation{Email: email, Role: role}
}

func TestMembersPage(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	owner, manager, member := a.SignIn(handlertest.Owner), a.SignIn(handlertest.Manager), a.SignIn(handlertest.Member)
	path := "/org/members/" + w.Person(handlertest.Member).String()
	self := "/org/members/" + w.Person(handlertest.Owner).String()

	got := owner.Post(self+"/role", url.Values{"role": {"member"}})
	if got.Status != http.StatusUnprocessableEntity || !strings.Contains(got.Body, "without an owner") {
		t.Errorf("the last owner steps down: %d", got.Status)
	}
	if got := owner.Post("/org/leave", nil); got.Status != http.StatusUnprocessableEntity || !strings.Contains(got.Body, "without an owner") {
		t.Errorf("the last owner leaves: %d", got.Status)
	}
	if got := manager.Post(path+"/cap", url.Values{"cap": {"12"}}); got.Status != http.StatusSeeOther {
		t.Errorf("cap: %d", got.Status)
	}
	if got := manager.Post(path+"/cap", url.Values{"cap": {"many"}}); got.Status != http.StatusUnprocessableEntity {
		t.Errorf("cap of words: %d", got.Status)
	}
	if got := manager.Get("/org/members?q=member%40&sort=role&desc=1"); got.Status != http.StatusOK || !strings.Contains(got.Body, `value="12"`) || strings.Contains(got.Body, handlertest.Billing) {
		t.Errorf("members, narrowed: %d", got.Status)
	}
	if got := member.Get("/org/members"); strings.Contains(got.Body, `action="/org/invitations"`) || strings.Contains(got.Body, "/role\"") {
		t.Error("a member is offered what the policy refuses")
	}
	if got := owner.Post(path+"/role", url.Values{"role": {"billing"}}); got.Status != http.StatusSeeOther {
		t.Errorf("role: %d", got.Status)
	}
	if got := member.Get("/org/clusters"); got.Status != http.StatusForbidden {
		t.Errorf("a billing role sees clusters: %d", got.Status)
	}
	if got := owner.Post(path+"/remove", nil); got.Status != http.StatusSeeOther {
		t.Errorf("remove: %d", got.Status)
	}
	if got := member.Get("/org"); got.Status != http.StatusForbidden {
		t.Errorf("a removed member sees the overview: %d", got.Status)
	}
}

func TestAccountPages(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	a.World()
	b := a.SignIn(handlertest.Member)
	other := a.SignIn(handlertest.Member)
	if got := b.Get("/account/sessions"); got.Status != http.StatusOK || !strings.Contains(got.Body, "2 sessions") || !strings.Contains(got.Body, "this one") {
		t.Errorf("sessions: %d", got.Status)
	}
	if got := b.Post("/account/password", url.Values{"current": {"nonsense"}, "password": {"a better one than that"}}); got.Status != http.StatusUnprocessableEntity || !strings.Contains(got.Body, "This is not your password.") {
		t.Errorf("a wrong present password: %d", got.Status)
	}
	if got := b.Post("/account/email", url.Values{"email": {"new@first.example"}, "current": {handlertest.Password}}); got.Status != http.StatusSeeOther {
		t.Errorf("new address: %d", got.Status)
	}
	link := secret(t, a, "new@first.example")
	if got := b.Get(link); got.Status != http.StatusOK {
		t.Errorf("%s: %d", link, got.Status)
	}
	if got := b.Post("/confirm-email", url.Values{"token": {token(link)}}); got.Status != http.StatusSeeOther || got.Header.Get("Location") != "/account" {
		t.Errorf("confirm: %d to %s", got.Status, got.Header.Get("Location"))
	}
	if got := b.Get("/account"); !strings.Contains(got.Body, "new@first.example") {
		t.Error("the account shows the old address")
	}
	if got := other.Get("/account"); got.Status != http.StatusSeeOther {
		t.Errorf("another session outlives the change of address: %d", got.Status)
	}
	if got := b.Post("/account/organizations", url.Values{"name": {"Side Project"}}); got.Status != http.StatusSeeOther || got.Header.Get("Location") != "/org" {
		t.Errorf("new organization: %d", got.Status)
	}
	if got := b.Post("/account/organizations", url.Values{"name": {"Side Project"}}); got.Status != http.StatusUnprocessableEntity || !strings.Contains(got.Body, `value="Side Project"`) {
		t.Errorf("a second one of the name: %d", got.Status)
	}
}

func TestSuspensionIsShown(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	root, member := a.SignIn(handlertest.PlatformAdmin), a.SignIn(handlertest.Member)
	if got := root.Post("/platform/organizations/"+w.Organization.String()+"/suspend", url.Values{"reason": {"an open invoice"}}); got.Status != http.StatusSeeOther {
		t.Fatalf("suspend: %d", got.Status)
	}
	if got := member.Get("/org"); got.Status != http.StatusOK || !strings.Contains(got.Body, "an open invoice") {
		t.Errorf("overview of a suspended organization: %d", got.Status)
	}
	got := member.Post("/org/clusters", url.Values{"version": {w.Version.String()}, "pool": {w.Pool.String()}, "name": {"more"}, "compute_count": {"1"}, "lease_hours": {"1"}})
	if got.Status != http.StatusUnprocessableEntity || !strings.Contains(got.Body, "has been suspended") {
		t.Errorf("launch: %d", got.Status)
	}
	if got := root.Post("/platform/people/"+w.Person(handlertest.Member).String()+"/suspend", url.Values{"reason": {"sent mails to strangers"}}); got.Status != http.StatusSeeOther {
		t.Fatalf("suspend person: %d", got.Status)
	}
	if got := member.Get("/org"); got.Status != http.StatusSeeOther {
		t.Errorf("a suspended person's session goes on: %d", got.Status)
	}
	sign := url.Values{"email": {handlertest.Member}, "password": {handlertest.Password}}
	if got := member.Post("/sign-in", sign); got.Status != http.StatusUnprocessableEntity || !strings.Contains(got.Body, "sent mails to strangers") {
		t.Errorf("a suspended person signs in: %d", got.Status)
	}
	if got := root.Post("/platform/people/"+w.Person(handlertest.PlatformAdmin).String()+"/suspend", url.Values{"reason": {"for myself"}}); got.Status != http.StatusUnprocessableEntity {
		t.Errorf("oneself: %d", got.Status)
	}
}

func TestInvitationsPage(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	a.InviteStaff(w)
	owner, manager, admin := a.SignIn(handlertest.Owner), a.SignIn(handlertest.Manager), a.SignIn(handlertest.Admin)
	for _, c := range []struct {
		b              *handlertest.Browser
		members, path  string
		role, new      string
		invited, never string
	}{
		{manager, "/org/members", "/org/invitations", "member", "zoe@first.example", "invited@first.example", "whoever has the link"},
		{admin, "/provider/staff", "/provider/invitations", "operator", "zoe@north.example", "whoever has the link", "invited@first.example"},
	} {
		if got := c.b.Get(c.members); !strings.Contains(got.Body, `href="`+c.path+`"`) || !strings.Contains(got.Body, "1 open invitation<") {
			t.Errorf("%s does not lead to the open invitation", c.members)
		}
		if got := c.b.Post(c.path, url.Values{"email": {c.new}, "role": {c.role}, "by": {"mail"}}); got.Status != http.StatusSeeOther || got.Header.Get("Location") != c.path {
			t.Fatalf("%s: %d to %s", c.path, got.Status, got.Header.Get("Location"))
		}
		all := c.b.Get(c.path + "?sort=for&desc=1&as=" + c.role + "&state=works")
		if all.Status != http.StatusOK || !strings.Contains(all.Body, c.invited) || !strings.Contains(all.Body, c.new) || !strings.Contains(all.Body, "2 invitations") || strings.Contains(all.Body, c.never) {
			t.Errorf("%s: %d %s", c.path, all.Status, all.Body)
		}
		if !strings.Contains(all.Body, "as="+c.role+"&amp;sort=for&amp;state=works") {
			t.Errorf("%s: the filters are lost where the order changes", c.path)
		}
		one := c.b.Get(c.path + "?q=ZOE")
		if !strings.Contains(one.Body, c.new) || strings.Contains(one.Body, ">"+c.invited) || !strings.Contains(one.Body, "1 invitation<") {
			t.Errorf("%s narrowed: %s", c.path, one.Body)
		}
		if got := c.b.Get(c.path + "?state=expired"); !strings.Contains(got.Body, "No invitations match") {
			t.Errorf("%s, expired: none is", c.path)
		}
		again := c.b.Post(c.path, url.Values{"email": {c.new}, "role": {c.role}, "by": {"mail"}})
		if again.Status != http.StatusUnprocessableEntity || !strings.Contains(again.Body, "is invited already") || !strings.Contains(again.Body, `value="`+c.new+`"`) || !strings.Contains(again.Body, "2 invitations") {
			t.Errorf("%s twice: %d", c.path, again.Status)
		}
	}
	// What a manager may not give, they are not offered.
	const form, filter = `id="role"`, `id="as"`
	owners := func(b *handlertest.Browser, field string) bool {
		_, rest, _ := strings.Cut(b.Get("/org/invitations?state=works").Body, field) // narrowed: a short list has no filters
		choice, _, _ := strings.Cut(rest, "</select>")
		return strings.Contains(choice, `value="owner"`)
	}
	if owners(manager, form) || !owners(owner, form) || !owners(manager, filter) {
		t.Error("only owners invite owners")
	}
}

// TestKeysThatOutliveTheirRightAreShown removes a member whose key a running cluster was given.
func TestKeysThatOutliveTheirRightAreShown(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	owner, member := a.SignIn(handlertest.Owner), a.SignIn(handlertest.Member)
	cluster, head := a.Launch(w, "keys", 0)
	if _, err := a.Pool.Exec(t.Context(), `UPDATE nodes SET state = 'ready', start_id = 'a start' WHERE id = $1`, head); err != nil {
		t.Fatal(err)
	}
	pages := func() map[string]string {
		return map[string]string{
			"/org/members": owner.Get("/org/members").Body, "/org/clusters/": owner.Get("/org/clusters/" + cluster.String()).Body,
			"/account/ssh-keys": member.Get("/account/ssh-keys").Body,
		}
	}
	for path, body := range pages() {
		if strings.Contains(body, "after the right ended") || strings.Contains(body, "though they should not") {
			t.Errorf("%s shows an ended key before there is one", path)
		}
	}
	if body := pages()["/account/ssh-keys"]; !strings.Contains(body, "keys of ") {
		t.Error("the person's page does not say which clusters the key opens")
	}
	if got := owner.Post("/org/members/"+w.Person(handlertest.Member).String()+"/remove", nil); got.Status != http.StatusSeeOther {
		t.Fatalf("remove: %d", got.Status)
	}
	for path, body := range pages() {
		want := "no member any more"
		if path == "/account/ssh-keys" {
			want = "though they should not"
		}
		if !strings.Contains(body, want) {
			t.Errorf("%s does not say that the key still opens the cluster", path)
		}
	}
}
