package machines_test

import (
	"maps"
	"strings"
	"testing"

	"github.com/google/uuid"
	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/store/machines"
	"volary.dev/store/models"
	"volary.dev/store/overview"
	"volary.dev/store/storetest"
)

// threeGroups publishes a version of a head, one to four compute nodes, and up to two of a group gpu with a gate of its own.
func threeGroups(t *testing.T, w *storetest.World) uuid.UUID {
	t.Helper()
	return w.PublishGroups(t, "3.0",
		provisioner.Group{Name: "compute", Count: provisioner.Count{Least: 1, Most: 4}, UserData: "#!/bin/sh\necho compute\n"},
		provisioner.Group{Name: "gpu", Count: provisioner.Count{Most: 2}, Gate: provisioner.Gate{Kind: provisioner.GateConsole, Text: "cuda up", TimeoutSeconds: 300}})
}

func wantGroups(t *testing.T, w *storetest.World, id uuid.UUID) {
	t.Helper()
	work := storetest.Must[machines.ClusterWork](t)(w.DB.Machines.ClusterForReconcile(t.Context(), id))
	var got []string
	for i, n := range work.Nodes {
		last := n.Address.As4()[3]
		if last != byte(10+i) || n.MAC[5] != last || n.Group.Gate.Text != map[string]string{"gpu": "cuda up"}[n.Group.Name] ||
			strings.Contains(n.Group.UserData, "echo compute") != (n.Group.Name == "compute") {
			t.Errorf("node %+v", n)
		}
		got = append(got, n.Name+" "+string(n.Role)+" of "+n.Group.Name)
	}
	want := "head head of head, compute-001 compute of compute, compute-002 compute of compute, gpu-001 compute of gpu"
	if strings.Join(got, ", ") != want {
		t.Errorf("nodes %s, want %s", strings.Join(got, ", "), want)
	}
}

func TestLaunchOfThreeGroups(t *testing.T) {
	w := storetest.NewWorld(t)
	r := requestFor(w)
	r.VersionID, r.Counts = threeGroups(t, w), machines.Counts{"compute": 2, "gpu": 1}
	q := storetest.Must[machines.Quote](t)(w.DB.Machines.Quote(t.Context(), w.Organization, r))
	if q.Need != 8*billing.ComputeHour || q.Refusal != nil || len(q.Shapes) != 3 || q.Shapes[2].Group != "gpu" || q.Shapes[2].Count != 1 {
		t.Errorf("quote %+v", q)
	}
	wantGroups(t, w, storetest.Must[uuid.UUID](t)(w.DB.Machines.LaunchCluster(t.Context(), w.Organization, w.Person, r)))
	if got := left(t, w); got != 92*billing.ComputeHour {
		t.Errorf("%s are left", got)
	}
}

// A launch above a member's cap waits with its counts, and is launched with them.
func TestARequestKeepsTheCountsOfItsGroups(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	member := storetest.Member(t, w, "bo@example.org")
	storetest.SetCap(t, w, member, 1)
	r := requestFor(w)
	r.VersionID, r.Counts = threeGroups(t, w), machines.Counts{"compute": 2, "gpu": 1}
	id := storetest.Must[uuid.UUID](t)(w.DB.Machines.RequestLaunch(ctx, w.Organization, member, r))
	asked := storetest.Must[overview.LaunchRequestRow](t)(w.DB.Overview.LaunchRequest(ctx, w.Organization, uuid.Nil, id))
	if asked.Nodes != 4 || !maps.Equal(asked.Counts, r.Counts) || asked.When != "now" {
		t.Errorf("request %+v", asked)
	}
	wantGroups(t, w, storetest.Must[uuid.UUID](t)(w.DB.Machines.ApproveRequest(ctx, w.Organization, w.Person, id)))
}

func TestCountsAreRefusedByGroup(t *testing.T) {
	w := storetest.NewWorld(t)
	three, worker := threeGroups(t, w), w.PublishGroups(t, "4.0", provisioner.Group{Name: "worker", Count: provisioner.Count{Least: 1, Most: 4}})
	for name, c := range map[string]struct {
		version uuid.UUID
		counts  machines.Counts
		want    map[string]string // a part of each field's sentence
	}{
		"outside both ranges":   {three, machines.Counts{"compute": 0, "gpu": 3}, map[string]string{"count.compute": "1 to 4 compute nodes", "count.gpu": "0 to 2 gpu nodes"}},
		"one is not said":       {three, machines.Counts{"compute": 1}, map[string]string{"count.gpu": "Say how many gpu nodes: 0 to 2."}},
		"the only one of three": {three, machines.Counts{machines.OnlyGroup: 2}, map[string]string{"count.compute": "Say how many", "count.gpu": "Say how many"}},
		"no such group":         {three, machines.Counts{"compute": 1, "gpu": 0, "tpu": 1}, map[string]string{"count.tpu": "no group"}},
		"the only one":          {worker, machines.Counts{machines.OnlyGroup: 5}, map[string]string{"compute": "1 to 4 worker nodes"}},
	} {
		r := requestFor(w)
		r.VersionID, r.Counts = c.version, c.counts
		_, err := w.DB.Machines.LaunchCluster(t.Context(), w.Organization, w.Person, r)
		refused := storetest.WantRefusal(t, err, "invalid")
		for field, want := range c.want {
			if !strings.Contains(refused.Fields[field], want) {
				t.Errorf("%s: %q of %s, want %q", name, refused.Fields[field], field, want)
			}
		}
		if len(refused.Fields) != len(c.want) {
			t.Errorf("%s: %v", name, refused.Fields)
		}
	}
	r := requestFor(w)
	r.VersionID, r.Counts = worker, machines.Counts{machines.OnlyGroup: 2}
	id := storetest.Must[uuid.UUID](t)(w.DB.Machines.LaunchCluster(t.Context(), w.Organization, w.Person, r))
	if n := work(t, w, id).Nodes; len(n) != 3 || n[1].Name != "worker-001" || n[2].Name != "worker-002" {
		t.Errorf("nodes of the only group: %+v", n)
	}
}

// A network too small for all groups together is said, though each would fit.
func TestGroupsTogetherFitTheSubnet(t *testing.T) {
	w := storetest.NewWorld(t)
	version := w.PublishGroups(t, "5.0", provisioner.Group{Name: "compute", Count: provisioner.Count{Most: 200}}, provisioner.Group{Name: "gpu", Count: provisioner.Count{Most: 200}})
	r := requestFor(w)
	r.VersionID, r.Counts = version, machines.Counts{"compute": 200, "gpu": 45}
	_, err := w.DB.Machines.LaunchCluster(t.Context(), w.Organization, w.Person, r)
	if refused := storetest.WantRefusal(t, err, "invalid"); !strings.Contains(refused.Fields["count.gpu"], "addresses for 244 compute nodes; 245 are asked for") {
		t.Errorf("%v", refused.Fields)
	}
}

// Where there is no room for a group the refusal names it.
func TestARefusalOfRoomNamesTheGroup(t *testing.T) {
	w := storetest.NewWorld(t)
	r := requestFor(w)
	r.VersionID = w.PublishGroups(t, "6.0", provisioner.Group{Name: "compute", Count: provisioner.Count{Most: 9}}, provisioner.Group{Name: "gpu", Count: provisioner.Count{Most: 200}})
	r.Counts = machines.Counts{"compute": 1, "gpu": 16}
	w.Exec(t, `UPDATE pools SET test_vcpus = 0`)
	w.Exec(t, `UPDATE images SET canonical_size = $1`, 90*gib) // three hosts have 100 GiB each, and a node takes 2
	_, err := w.DB.Machines.LaunchCluster(t.Context(), w.Organization, w.Person, r)
	if refused := storetest.WantRefusal(t, err, "capacity"); !strings.Contains(refused.Title, "16 gpu nodes are asked for, the pool has room for 15") ||
		!strings.Contains(strings.Join(refused.Detail, "\n"), " of compute (1 vCPU") {
		t.Errorf("%s %v", refused.Title, refused.Detail)
	}
}

// A test has nodes of every group, and no more of them than it had of one.
func TestAnAcceptanceTestHasEveryGroup(t *testing.T) {
	w := storetest.NewWorld(t)
	id := storetest.Must[uuid.UUID](t)(w.DB.Machines.StartAcceptanceTest(t.Context(), w.Organization, w.Person, threeGroups(t, w), w.PoolID))
	test := storetest.Must[models.AcceptanceTest](t)(w.DB.Models.AcceptanceTest(t.Context(), w.Organization, id))
	var names []string
	for _, n := range work(t, w, test.ClusterID).Nodes {
		names = append(names, n.Name)
	}
	if strings.Join(names, " ") != "head compute-001 gpu-001" {
		t.Errorf("the test has %v", names)
	}
}
