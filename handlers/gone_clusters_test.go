package handlers_test

import (
	"net/http"
	"strings"
	"testing"

	"volary.dev/handlers/handlertest"
)

// What is gone has neither nodes that are ready nor a lease that ends, but an end of its own, in both lists and on both pages. Its
// nodes do not repeat what the page says of all of it, and what was asked for is not told as if it went on.
func TestGoneClustersAreShownAsGone(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	id, _ := a.Launch(w, "first", 1)
	member, operator := a.SignIn(handlertest.Member), a.SignIn(handlertest.Operator)
	org, staff := "/org/clusters/"+id.String(), "/provider/clusters/"+id.String()
	saysInWords(t, "the list", member.Get("/org/clusters"), "Nodes ready", "0 of 2", "Lease ends")
	follow(t, member, "stopping", member.Post(org+"/stop", nil), "The stop is asked for.")
	a.Stopped(id)
	stopped := member.Get(org)
	says(t, "a stopped one", stopped, http.StatusOK, "Stopped: asked by a member.")
	if n := strings.Count(words(stopped), "asked by a member"); n != 1 {
		t.Errorf("its page says %d times that a member asked", n)
	}
	follow(t, member, "deleting", member.Post(org+"/delete", nil), "The deletion is asked for.")
	if _, err := a.Pool.Exec(t.Context(), `UPDATE clusters SET lease_ends_at = now() + interval '1 hour' WHERE id = $1`, id); err != nil {
		t.Fatal(err)
	}
	if err := a.Store.Machines.MarkNodesGone(t.Context(), id); err != nil {
		t.Fatal(err)
	}
	says(t, "the provider's of what is there", operator.Get("/provider/clusters"), http.StatusOK, `href="/provider/clusters?state=gone"`) // however short the list is
	for what, got := range map[string]handlertest.Answer{
		"the list of those that are gone": member.Get("/org/clusters?gone=1&sort=ended"), "the provider's": operator.Get("/provider/clusters?state=gone&sort=ended"),
	} {
		says(t, what, got, http.StatusOK, "first", "Gone since")
		for _, not := range []string{" of 2", "Lease ends", "Nodes ready"} {
			lacks(t, what, got, not)
		}
	}
	lacks(t, "its page", member.Get(org), "Lease ends")
	lacks(t, "the provider's page", operator.Get(staff), "Lease ends")
}
