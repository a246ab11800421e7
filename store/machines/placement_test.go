package machines_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/store/machines"
	"volary.dev/store/storetest"
)

// Two hundred launches of one node each, at once, on hosts with room for a hundred: exactly a hundred get one, and no host more than it has.
func TestTwoHundredLaunchesOnCapacityForAHundred(t *testing.T) {
	w := storetest.NewWorld(t)
	w.Grant(t, w.Organization, 300*billing.ComputeHour)
	w.Exec(t, `UPDATE pools SET test_vcpus = 0`)
	w.Exec(t, `UPDATE hosts SET memory_mib = 100 * 256, disk_gib = 1000, vcpus = CASE name WHEN 'host-1' THEN 34 ELSE 33 END`)
	r := requestFor(w)
	r.Counts, r.LeaseSeconds = machines.Counts{"compute": 0}, 3600
	if ends := atOnce(t, w, 200, r); ends[""] != 100 || ends["capacity"] != 100 {
		t.Errorf("ends %v", ends)
	}
	var over, nodes int
	storetest.NoError(t, w.Pool.QueryRow(t.Context(), `
		SELECT count(*) FILTER (WHERE n.sum > h.vcpus), sum(n.sum) FROM hosts h, LATERAL (SELECT sum(vcpus)::int FROM nodes WHERE host_id = h.id) AS n`).Scan(&over, &nodes))
	if over != 0 || nodes != 100 {
		t.Errorf("%d hosts carry more than they have, %d vCPUs are given", over, nodes)
	}
}

// hostsOf are the hosts of a cluster's nodes, of one group or of all.
func hostsOf(t *testing.T, w *storetest.World, id uuid.UUID, group string) (hosts []uuid.UUID) {
	t.Helper()
	for _, n := range work(t, w, id).Nodes {
		if group == "" || n.Group.Name == group {
			hosts = append(hosts, n.Host.ID)
		}
	}
	return hosts
}

func distinctHosts(hosts []uuid.UUID) int {
	slices.SortFunc(hosts, func(a, b uuid.UUID) int { return slices.Compare(a[:], b[:]) })
	return len(slices.Compact(hosts))
}

// What a refused launch names as the largest cluster is launched then, and the short resource has its numbers.
func TestTheLargestThatIsNamedFits(t *testing.T) {
	w := storetest.NewWorld(t)
	w.Exec(t, `UPDATE pools SET test_vcpus = 0`)
	w.Exec(t, `UPDATE hosts SET vcpus = 2, memory_mib = 2048 WHERE name <> 'host-3'`)
	w.Exec(t, `UPDATE hosts SET vcpus = 9, memory_mib = 3 * 256 WHERE name = 'host-3'`)
	r := requestFor(w)
	r.Counts = machines.Counts{"compute": 8}
	_, err := w.DB.Machines.LaunchCluster(t.Context(), w.Organization, w.Person, r)
	refused := storetest.WantRefusal(t, err, "capacity")
	if !strings.Contains(refused.Next, "the largest cluster that fits now is the head and 6 compute nodes.") ||
		!slices.ContainsFunc(refused.Detail, func(s string) bool {
			return strings.HasPrefix(s, "Short of hosts: none has vCPUs, memory and disk together for more than 7 of 9 nodes")
		}) {
		t.Errorf("%s %q", refused.Next, refused.Detail)
	}
	r.Counts = machines.Counts{"compute": 6}
	storetest.Must[uuid.UUID](t)(w.DB.Machines.LaunchCluster(t.Context(), w.Organization, w.Person, r))
	r.Name = "trial-2"
	_, err = w.DB.Machines.LaunchCluster(t.Context(), w.Organization, w.Person, r)
	if refused := storetest.WantRefusal(t, err, "capacity"); !strings.Contains(refused.Next, "no cluster of this version fits now, however small") {
		t.Errorf("%s", refused.Next)
	}
}

// A pool's policy is whether a cluster goes to many hosts or to few.
func TestAPoolPacksOrSpreads(t *testing.T) {
	w := storetest.NewWorld(t)
	if on := distinctHosts(hostsOf(t, w, w.Launch(t, "spread", 2), "")); on != 3 {
		t.Errorf("spread over %d hosts", on)
	}
	w.Exec(t, `UPDATE pools SET placement = 'pack'`)
	if on := distinctHosts(hostsOf(t, w, w.Launch(t, "packed", 2), "")); on != 1 {
		t.Errorf("packed onto %d hosts", on)
	}
}

// On each processor a pool gives as many vCPUs as it says; of a host of which staff offer a number, that. Market and pages say it.
func TestAPoolGivesVCPUsPerProcessor(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	w.Exec(t, `UPDATE pools SET overcommit = 150`)
	w.Exec(t, `UPDATE hosts SET offered_vcpus = 8 WHERE name = 'host-3'`)
	var vcpus []int
	for _, id := range w.Hosts {
		vcpus = append(vcpus, storetest.Must[machines.Host](t)(w.DB.Machines.Host(ctx, w.Provider, id)).Capacity.VCPUs)
	}
	made := storetest.Must[provisioner.Processors](t)(w.DB.Machines.PoolProcessors(ctx, w.Provider, w.PoolID))
	row := storetest.Must[machines.PoolRow](t)(w.DB.Machines.ProviderPool(ctx, w.Provider, w.PoolID))
	if !slices.Equal(vcpus, []int{12, 12, 8}) || row.VCPUs != 32 || made.Sold() != "1 to 1.5 vCPUs sold per processor" {
		t.Errorf("hosts give %v, the pool %d, %q", vcpus, row.VCPUs, made.Sold())
	}
	w.Launch(t, "a", 8)
	w.Launch(t, "b", 8)
	w.Launch(t, "c", 8) // 27 of 32 less 4 for tests
	if row := storetest.Must[machines.PoolRow](t)(w.DB.Machines.ProviderPool(ctx, w.Provider, w.PoolID)); row.ClusterVCPUs != 27 {
		t.Errorf("clusters have %d vCPUs", row.ClusterVCPUs)
	}
	if refused := storetest.WantRefusal(t, launchErr(t, w, "d", 1), "capacity"); !strings.Contains(refused.Title, "2 vCPUs are needed, 1 of the pool's 28 for clusters are free") {
		t.Errorf("%s", refused.Title)
	}
	w.Exec(t, `UPDATE pools SET overcommit = 100`)
	if refused := storetest.WantRefusal(t, launchErr(t, w, "d", 0), "capacity"); !strings.Contains(refused.Title, "0 of the pool's 20") {
		t.Errorf("%s", refused.Title)
	}
}

// A host without a label that its pool wants keeps its nodes, starts them again and takes no new ones; it counts nowhere as one that does.
func TestAPoolWantsLabels(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	id := w.Launch(t, "before", 2)
	w.Ready(t, id)
	w.Exec(t, `UPDATE hosts SET labels = '{"disk": "ssd"}' WHERE name <> 'host-1'`)
	w.Exec(t, `UPDATE pools SET host_labels = '{"disk": "ssd", "acceleration": "tcg"}'`)
	host := storetest.Must[machines.Host](t)(w.DB.Machines.Host(ctx, w.Provider, w.Hosts[0]))
	row := storetest.Must[machines.PoolRow](t)(w.DB.Machines.ProviderPool(ctx, w.Provider, w.PoolID))
	if host.WhyUnwanted() != "has not what its pool wants of a host: disk=ssd" || row.ActiveHosts != 2 || row.Unlabelled != 1 || row.VCPUs != 16 {
		t.Errorf("%q; %+v", host.WhyUnwanted(), row)
	}
	if slices.Contains(hostsOf(t, w, w.Launch(t, "after", 6), ""), w.Hosts[0]) {
		t.Error("a node is on the host without the label")
	}
	refused := storetest.WantRefusal(t, launchErr(t, w, "more", 8), "capacity")
	if !slices.Contains(refused.Detail, "host-1: has not what its pool wants of a host: disk=ssd") {
		t.Errorf("%q", refused.Detail)
	}
	storetest.NoError(t, w.DB.Machines.StopCluster(ctx, w.Organization, w.Person, id))
	stopped(t, w, id)
	storetest.NoError(t, w.DB.Machines.StartCluster(ctx, w.Organization, w.Person, id, 3600))

	w.Exec(t, `UPDATE pools SET host_labels = '{"acceleration": "kvm"}'`)
	if refused := storetest.WantRefusal(t, launchErr(t, w, "more", 0), "capacity"); !slices.Contains(refused.Detail, "Short of hosts: 0 of 3 take nodes now") {
		t.Errorf("%q", refused.Detail)
	}
}

// A group's nodes that are to be apart share no host, at the launch and where one of them is placed elsewhere.
func TestNodesThatAreApart(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	w.Exec(t, `UPDATE pools SET placement = 'pack'`)
	r := requestFor(w)
	r.VersionID = w.PublishGroups(t, "9.0", provisioner.Group{Name: "db", Count: provisioner.Count{Most: 4}, Apart: true}, provisioner.Group{Name: "compute", Count: provisioner.Count{Most: 4}})
	r.Counts = machines.Counts{"db": 4, "compute": 0}
	_, err := w.DB.Machines.LaunchCluster(ctx, w.Organization, w.Person, r)
	if refused := storetest.WantRefusal(t, err, "capacity"); !strings.Contains(refused.Title, "each on a host of its own, and 3 hosts have room for one") ||
		!strings.Contains(refused.Next, "the head and 3 db nodes") {
		t.Errorf("%s %s", refused.Title, refused.Next)
	}
	r.Counts["db"] = 2
	id := storetest.Must[uuid.UUID](t)(w.DB.Machines.LaunchCluster(ctx, w.Organization, w.Person, r))
	on := hostsOf(t, w, id, "db")
	if len(on) != 2 || on[0] == on[1] {
		t.Fatalf("on %v", on)
	}
	third := slices.IndexFunc(w.Hosts, func(h uuid.UUID) bool { return !slices.Contains(on, h) })
	nodes := work(t, w, id).Nodes
	last := nodes[slices.IndexFunc(nodes, func(n machines.NodeWork) bool { return n.Name == "db-002" })]
	replace := func() bool {
		t.Helper()
		return storetest.Must[bool](t)(w.DB.Machines.ReplaceNodes(ctx, id, work(t, w, id).Generation, machines.Replacement{
			HostID: last.Host.ID, Nodes: []uuid.UUID{last.ID}, Reason: provisioner.ReasonHostRefused, Why: "the host refused it",
		}))
	}
	w.Exec(t, `UPDATE hosts SET state = 'cordoned' WHERE id = $1`, w.Hosts[third])
	if replace() {
		t.Error("it was placed beside the other one")
	}
	w.Exec(t, `UPDATE hosts SET state = 'active'`)
	if on := hostsOf(t, w, id, "db"); !replace() || !slices.Contains(hostsOf(t, w, id, "db"), w.Hosts[third]) {
		t.Errorf("it is on %v", on)
	}
}

// What a form may say of a pool's placement, and that it is kept, changed and told.
func TestPoolsKeepTheirPlacement(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	was := storetest.Must[machines.PoolRow](t)(w.DB.Machines.ProviderPool(ctx, w.Provider, w.PoolID))
	if was.Placement != machines.PlaceSpread || was.Overcommit != 100 || len(was.HostLabels) != 0 {
		t.Errorf("at first: %+v", was)
	}
	p := machines.NewPool{
		Name: "main", Prefix: was.Prefix, Underlay: was.Underlay, Placement: machines.PlacePack, Overcommit: 250, HostLabels: map[string]string{"rack": "a1"},
	}
	storetest.NoError(t, w.DB.Machines.UpdatePool(ctx, w.Person, w.Provider, w.PoolID, p))
	is := storetest.Must[machines.PoolRow](t)(w.DB.Machines.ProviderPool(ctx, w.Provider, w.PoolID))
	if is.Placement != machines.PlacePack || is.Overcommit != 250 || is.HostLabels["rack"] != "a1" || is.Unlabelled != 3 {
		t.Errorf("changed: %+v", is)
	}
	for field, change := range map[string]func(*machines.NewPool){
		"placement":   func(p *machines.NewPool) { p.Placement = "best" },
		"overcommit":  func(p *machines.NewPool) { p.Overcommit = 1601 },
		"host_labels": func(p *machines.NewPool) { p.HostLabels = map[string]string{strings.Repeat("a", 64): ""} },
	} {
		q := p
		change(&q)
		refused := storetest.WantRefusal(t, w.DB.Machines.UpdatePool(ctx, w.Person, w.Provider, w.PoolID, q), "invalid")
		if refused.Fields[field] == "" || len(refused.Fields) != 1 {
			t.Errorf("%s: %v", field, refused.Fields)
		}
	}
}
