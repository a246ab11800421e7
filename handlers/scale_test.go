package handlers_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"volary.dev/billing"
	"volary.dev/handlers/handlertest"
	"volary.dev/provisioner"
	"volary.dev/provisioner/waittest"
	"volary.dev/store/machines"
	"volary.dev/store/storetest"
)

// running launches a cluster over a worker, and waits until it is ready.
func running(t *testing.T, a *handlertest.App, w *handlertest.World, version uuid.UUID, compute int) (id uuid.UUID, path string) {
	t.Helper()
	id, err := a.Store.Machines.LaunchCluster(t.Context(), w.Organization, w.Person(handlertest.Member), machines.LaunchRequest{
		VersionID: version, PoolID: w.Pool, Name: "first", Counts: machines.Counts{"compute": compute}, LeaseSeconds: 7200,
	})
	if err != nil {
		t.Fatal(err)
	}
	waittest.Until(t, "the cluster is ready", func() bool { return nodesReady(t, a, w, id) == 1+compute })
	return id, "/org/clusters/" + id.String()
}

func nodesReady(t *testing.T, a *handlertest.App, w *handlertest.World, id uuid.UUID) int {
	t.Helper()
	d, err := a.Store.Machines.Cluster(t.Context(), w.Organization, id)
	if err != nil {
		t.Fatal(err)
	}
	if len(d.NodeRows) != d.ReadyNodes {
		return -1
	}
	return d.ReadyNodes
}

// TestAClusterIsScaledByItsPages grows a cluster and shrinks it as a member does, without a script, with the bill beside it.
func TestAClusterIsScaledByItsPages(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{Worker: true})
	w := a.World()
	a.Sell(w)
	id, path := running(t, a, w, w.Version, 1)
	member := a.SignIn(handlertest.Member)
	says(t, "the cluster", member.Get(path), http.StatusOK, `href="`+path+`/scale?group=compute"`)
	saysInWords(t, "the form", member.Get(path+"/scale?group=compute"), "0 to 8", "1.00 CH", "Per node hour", "Until the lease ends", "it has 1 node now", "compute-001",
		"gives back", "cheapest shape of today", "has no drain command")
	too := member.Post(path+"/scale", url.Values{"group": {"compute"}, "count": {"9"}})
	says(t, "too many", too, http.StatusUnprocessableEntity, "Choose 0 to 8 compute nodes; 9 was given.", `value="9"`)

	follow(t, member, "growing", member.Post(path+"/scale", url.Values{"group": {"compute"}, "count": {"3"}}), "2 nodes are on the way up")
	waittest.Until(t, "four nodes", func() bool { return nodesReady(t, a, w, id) == 4 })
	page := member.Get(path)
	saysInWords(t, "the larger cluster", page, "4 of 4 nodes ready", "4.00 CH", "Nodes to be added", "compute from 1 to 3")
	d, err := a.Store.Machines.Cluster(t.Context(), w.Organization, id)
	if err != nil {
		t.Fatal(err)
	}
	first := d.NodeRows[1]
	wrong := member.Post(path+"/scale", url.Values{"group": {"compute"}, "count": {"1"}, "node." + first.ID.String(): {"1"}})
	says(t, "one chosen of two", wrong, http.StatusUnprocessableEntity, "choose 2 to go", `name="node.`+first.ID.String()+`" type="checkbox" value="1" checked`)
	follow(t, member, "shrinking", member.Post(path+"/scale", url.Values{"group": {"compute"}, "count": {"2"}, "node." + first.ID.String(): {"1"}}), "1 node is on the way out")
	waittest.Until(t, "three nodes", func() bool { return nodesReady(t, a, w, id) == 3 })
	waittest.Until(t, first.Name+" to be gone", func() bool {
		d, err := a.Store.Machines.Cluster(t.Context(), w.Organization, id)
		return err == nil && !slices.ContainsFunc(d.NodeRows, func(n machines.NodeRow) bool { return n.ID == first.ID })
	})
	saysInWords(t, "its usage", member.Get("/org/usage/"+id.String()), "compute-001", "compute-002", "compute-003")
	saysInWords(t, "its log", member.Get(path+"/tasks"), "compute from 3 to 2", "removed from")
	if other := a.SignIn(handlertest.Billing).Post(path+"/scale", url.Values{"group": {"compute"}, "count": {"3"}}); other.Status != http.StatusForbidden {
		t.Errorf("who is there for the bills scales: %d", other.Status)
	}
}

// TestAPersonDecidesAboutNodesThatWereNotDrained lets a drain command fail, and answers what the page asks.
func TestAPersonDecidesAboutNodesThatWereNotDrained(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{Worker: true})
	w := a.World()
	version := drainedBy(t, a, w, "false")
	id, path := running(t, a, w, version, 2)
	member := a.SignIn(handlertest.Member)
	saysInWords(t, "the form", member.Get(path+"/scale"), "drain command runs on the head, for 10 minutes at most")
	drain := func() string {
		t.Helper()
		follow(t, member, "shrinking", member.Post(path+"/scale", url.Values{"group": {"compute"}, "count": {"1"}}), "the head is told to drain first")
		var page handlertest.Answer
		waittest.Until(t, "the page to ask", func() bool {
			page = member.Get(path)
			return strings.Contains(page.Body, "not drained. Do they go?")
		})
		saysInWords(t, "the question", page, "compute-002: not drained", "ended with status 1", "on its way out", "Let them go now", "Keep them")
		_, after, _ := strings.Cut(page.Body, `name="drain" value="`)
		return after[:36]
	}
	says(t, "an answer to nothing", member.Post(path+"/drain", nil), http.StatusUnprocessableEntity)
	follow(t, member, "keeping", member.Post(path+"/drain", url.Values{"drain": {drain()}, "answer": {"keep"}}), "They stay.")
	if n := nodesReady(t, a, w, id); n != 3 {
		t.Errorf("%d nodes after they were kept", n)
	}
	follow(t, member, "letting go", member.Post(path+"/drain", url.Values{"drain": {drain()}, "answer": {"remove"}}), "They go now.")
	waittest.Until(t, "two nodes", func() bool { return nodesReady(t, a, w, id) == 2 })
}

// drainedBy publishes a version whose model has a drain command.
func drainedBy(t *testing.T, a *handlertest.App, w *handlertest.World, command string) uuid.UUID {
	t.Helper()
	d := storetest.Draft(w.Model, w.Image, "9", provisioner.Count{Most: 8}, provisioner.Gate{Kind: provisioner.GateAddress, TimeoutSeconds: 120})
	d.Model.Commands.Drain = []string{command}
	owner := w.Person(handlertest.Owner)
	id := storetest.Must[uuid.UUID](t)(a.Store.Models.SaveVersion(t.Context(), w.Organization, owner, d))
	storetest.NoError(t, a.Store.Models.PublishVersion(t.Context(), w.Organization, owner, id, 1))
	return id
}

// More nodes than a cap allows are asked for, as a launch is.
func TestAScaleAboveTheCapIsAskedFor(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{Worker: true})
	w := a.World()
	id, path := running(t, a, w, w.Version, 1)
	limit := 5 * billing.ComputeHour
	storetest.NoError(t, a.Store.Machines.SetCap(t.Context(), w.Organization, w.Person(handlertest.Owner), w.Person(handlertest.Member), &limit))
	member := a.SignIn(handlertest.Member)
	saysInWords(t, "the form", member.Get(path+"/scale"), "Of your cap of 5.00 CH")
	asked := member.Post(path+"/scale", url.Values{"group": {"compute"}, "count": {"3"}})
	follow(t, member, "scaling", asked, "Your managers are asked for it", "Scale first to 3 of compute")
	to := asked.Header.Get("Location")
	manager := a.SignIn(handlertest.Manager)
	says(t, "the manager's page", manager.Get(to), http.StatusOK, "Approve and scale", "Set aside for the new nodes")
	says(t, "the list", manager.Get("/org/requests"), http.StatusOK, "3 of compute")
	follow(t, manager, "approving", manager.Post(to+"/approve", nil), "Approved: the nodes are on their way")
	waittest.Until(t, "four nodes", func() bool { return nodesReady(t, a, w, id) == 4 })
}
