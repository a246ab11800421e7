package handlers_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"volary.dev/handlers/handlertest"
)

// A launch's form says before the launch that nobody could sign in, or not the reader; that a head is added; and its panel never
// says that something fits which was refused. All faults of all fields are said at once, in the words of one sentence.
func TestLaunchFormSaysWhatWouldBeFoundOutLater(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	a.Launch(w, "taken", 0)
	owner, member := a.SignIn(handlertest.Owner), a.SignIn(handlertest.Member)
	at := "/org/clusters/new?version=" + w.Version.String() + "&pool=" + w.Pool.String() + "&compute_count=1&lease_hours=1"
	says(t, "a launch without a key of one's own", owner.Get(at), http.StatusOK, "You could not sign in to its nodes", "A head is added to them", "2 nodes: 1 head with", "It fits.")
	lacks(t, "a launch with a key", member.Get(at), "could not sign in")
	if _, err := a.Pool.Exec(t.Context(), `DELETE FROM ssh_keys`); err != nil {
		t.Fatal(err)
	}
	says(t, "a launch without any key", member.Get(at), http.StatusOK, "Nobody could sign in to its nodes", "/account/ssh-keys")

	good := url.Values{"name": {"fine"}, "version": {w.Version.String()}, "pool": {w.Pool.String()}, "compute_count": {"1"}, "lease_hours": {"1"}}
	const no, name = http.StatusUnprocessableEntity, "it is the cluster's domain name. Try not-so."
	for what, c := range map[string]struct {
		change map[string]string
		words  []string
	}{
		"a lease too long":            {map[string]string{"lease_hours": "1000"}, []string{"Choose a lease of 1 min to 720 h; 1000 h was given."}},
		"a lease too short":           {map[string]string{"lease_hours": "0"}, []string{"Choose a lease of 1 min to 720 h; 0 h was given."}},
		"a lease of a minute's half":  {map[string]string{"lease_hours": "0.008334"}, []string{"Choose a lease of 1 min to 720 h; 30 s was given."}},
		"all that can be read":        {map[string]string{"lease_hours": "1000", "name": "Not so", "compute_count": "900"}, []string{"Choose a lease of 1 min to 720 h", name, " compute nodes; 900 was given"}},
		"what cannot be read":         {map[string]string{"lease_hours": "soon", "name": "Not so", "compute_count": "900"}, []string{"has to be hours like 4 or 1.5", name, " compute nodes; 900 was given"}},
		"a taken name beside a fault": {map[string]string{"lease_hours": "1000", "name": "taken"}, []string{"Choose a lease of 1 min to 720 h", `There is a cluster named "taken" already. Try taken-2.`}},
	} {
		form := url.Values{}
		for k, v := range good {
			form[k] = v
		}
		for k, v := range c.change {
			form.Set(k, v)
		}
		got := owner.Post("/org/clusters", form)
		says(t, what, got, no, c.words...)
		if strings.Contains(got.Body, "It fits.") {
			t.Errorf("%s: the panel says that it fits", what)
		}
		if n := strings.Count(got.Body, `aria-invalid="true"`); n != len(c.change) && what != "a taken name beside a fault" || n < len(c.words) {
			t.Errorf("%s: %d fields are marked", what, n)
		}
	}
	says(t, "a taken name", owner.Post("/org/clusters", url.Values{"name": {"taken"}, "version": good["version"], "pool": good["pool"], "compute_count": {"0"}, "lease_hours": {"1"}}),
		no, `There is a cluster named "taken" already. Try taken-2.`)
	done := owner.Post("/org/clusters", good)
	follow(t, owner, "a launch", done, "Every node has a host. What becomes of it stands here.")
}
