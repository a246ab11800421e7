package handlers_test

import (
	"net/http"
	"strings"
	"testing"

	"volary.dev/handlers/handlertest"
)

// Nodes are listed like everything else: on the organization's page of a cluster, on the provider's, and on a host's.
func TestNodesAreAList(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	cluster, _ := a.Launch(w, "first", 2)
	member, admin := a.SignIn(handlertest.Member), a.SignIn(handlertest.Admin)
	for _, c := range []struct {
		b    *handlertest.Browser
		path string
	}{
		{member, "/org/clusters/" + cluster.String()}, {admin, "/provider/clusters/" + cluster.String()}, {admin, "/provider/hosts/" + w.Host.String()},
	} {
		before := func(path, first, second string) {
			t.Helper()
			got := c.b.Get(path)
			one, two := strings.Index(got.Body, ">"+first+"</bdi></th>"), strings.Index(got.Body, ">"+second+"</bdi></th>")
			if got.Status != http.StatusOK || one < 0 || two < one {
				t.Errorf("%s: %d, %s at %d and %s at %d", path, got.Status, first, one, second, two)
			}
		}
		before(c.path+"?sort=name", "compute-001", "head")
		before(c.path+"?sort=name&desc=1", "head", "compute-001")
		before(c.path+"?sort=nothing", "head", "compute-001")
		says(t, "all of "+c.path, c.b.Get(c.path), http.StatusOK, "3 nodes")
		narrowed := c.b.Get(c.path + "?search=HEAD&sort=state")
		says(t, "the head of "+c.path, narrowed, http.StatusOK, "1 node<", `value="HEAD"`, "search=HEAD&sort=state")
		if strings.Contains(narrowed.Body, ">compute-001</bdi></th>") {
			t.Errorf("%s shows what nobody searched", c.path)
		}
		says(t, "the gone of "+c.path, c.b.Get(c.path+"?state=gone"), http.StatusOK, "No nodes match")
		says(t, "behind the end of "+c.path, c.b.Get(c.path+"?from=50"), http.StatusOK, "3 nodes")
	}
}
