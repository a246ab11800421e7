package handlers_test

import (
	"net/http"
	"testing"

	"volary.dev/handlers/handlertest"
	"volary.dev/provisioner"
	"volary.dev/store/machines"
	"volary.dev/store/storetest"
)

// TestClusterPageSaysHowToSignIn goes from an image of which nothing is known to one whose console and version say all.
func TestClusterPageSaysHowToSignIn(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	id, head := a.Launch(w, "first", 2)
	set := func(sql string, args ...any) {
		if _, err := a.Pool.Exec(t.Context(), sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	set(`UPDATE nodes SET state = 'ready', ssh_port = 20001 WHERE id = $1`, head)
	member, page := a.SignIn(handlertest.Member), "/org/clusters/"+id.String()
	says(t, "nothing is known", member.Get(page), http.StatusOK, "<code>ssh -p 20001 root@", "Neither the version nor the console says")

	const print = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	said := provisioner.SignIn{User: "rocky", HostKeys: []provisioner.HostKey{{Kind: "ED25519", Fingerprint: print}}}
	if err := a.Store.Machines.RecordSignIn(t.Context(), machines.SilentHead{ID: head, Start: 1}, said, true); err != nil {
		t.Fatal(err)
	}
	says(t, "the console said", member.Get(page), http.StatusOK, "<code>ssh -p 20001 rocky@", "rocky is whom its console named", "ED25519 "+print,
		"as its console printed them", "<code>ssh -J rocky@", ":20001 rocky@", "Through it to compute-001")

	storetest.RewriteDocuments(t, a.Pool, func(m *provisioner.Model) { m.SignInUser = "debian" })
	got := member.Get(page)
	says(t, "the version says", got, http.StatusOK, "<code>ssh -p 20001 debian@", "<code>ssh -J debian@")
	lacks(t, "the version says", got, "is whom its console named")
	lacks(t, "the version says", got, "Neither the version")
}

// TestMembersSignInByTheirLogin is a cluster with accounts: who has a key has a command of their own, unless the image has taken the name.
func TestMembersSignInByTheirLogin(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	id, head := a.Launch(w, "first", 1)
	set := func(sql string, args ...any) {
		t.Helper()
		if _, err := a.Pool.Exec(t.Context(), sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	set(`UPDATE nodes SET state = 'ready', ssh_port = 20001, start_id = 'a start' WHERE id = $1`, head)
	storetest.RewriteDocuments(t, a.Pool, func(m *provisioner.Model) { m.SignInUser, m.Accounts = "debian", true })
	login, err := a.Store.People.Login(t.Context(), w.Organization, w.Person(handlertest.Member))
	if err != nil || login.Name == "" || login.Keys == 0 {
		t.Fatalf("the member's login is %+v, %v", login, err)
	}
	member, page := a.SignIn(handlertest.Member), "/org/clusters/"+id.String()
	says(t, "with a key", member.Get(page), http.StatusOK, "<code>ssh -p 20001 "+login.Name+"@", "<code>ssh -J "+login.Name+"@", "<code>ssh -p 20001 debian@")
	says(t, "the members' page", a.SignIn(handlertest.Owner).Get("/org/members"), http.StatusOK, "Logins on nodes", "<code>"+login.Name+"</code>")

	set(`INSERT INTO node_access (node_id, cluster_id, organization_id, start_id, absent) SELECT id, cluster_id, organization_id, start_id, ARRAY[$2] FROM nodes WHERE id = $1
		ON CONFLICT (node_id) DO UPDATE SET absent = excluded.absent, start_id = excluded.start_id`, head, login.Name)
	got := member.Get(page)
	says(t, "the image has the name", got, http.StatusOK, "<code>ssh -p 20001 debian@", "Some members have no login on some nodes", "on 1 node")
	lacks(t, "the image has the name", got, "ssh -p 20001 "+login.Name+"@")
}
