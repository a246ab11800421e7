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
