package machines_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/google/uuid"
	"volary.dev/provisioner"
	"volary.dev/store/machines"
	"volary.dev/store/storetest"
)

func TestUpdatePool(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	same := machines.NewPool{Name: "main", Prefix: netip.MustParsePrefix("10.128.0.0/12"), Underlay: netip.MustParsePrefix("192.0.2.0/24")}
	change := func(f func(*machines.NewPool)) error {
		p := same
		f(&p)
		return w.DB.Machines.UpdatePool(ctx, w.Person, w.Provider, w.PoolID, p)
	}
	storetest.NoError(t, change(func(p *machines.NewPool) {
		p.Name, p.Location, p.Policy, p.NoTests, p.MaxLeaseHours, p.WipeDisks = "north", "Oslo", "Quiet.", true, 48, true
	}))
	got := storetest.Must[machines.PoolRow](t)(w.DB.Machines.ProviderPool(ctx, w.Provider, w.PoolID))
	if got.Name != "north" || got.Location != "Oslo" || got.Policy != "Quiet." || got.TestVCPUs != 0 || got.MaxLeaseHours != 48 || !got.WipeDisks || !got.Masquerade {
		t.Errorf("pool %+v", got)
	}
	if r := storetest.WantRefusal(t, change(func(p *machines.NewPool) { p.Underlay = netip.MustParsePrefix("198.51.100.0/24") }), "invalid"); r.Fields["underlay"] == "" {
		t.Errorf("an underlay without the hosts: %v", r.Fields)
	}
	storetest.NoError(t, change(func(p *machines.NewPool) {
		p.Prefix = netip.MustParsePrefix("10.64.0.0/12")
		p.MTU = 9000
		p.NoMasquerade = true
	}))
	storetest.NoError(t, change(func(*machines.NewPool) {}))
	storetest.WantRefusal(t, w.DB.Machines.UpdatePool(ctx, w.Person, uuid.New(), w.PoolID, same), "not_found")
	storetest.Must[uuid.UUID](t)(w.DB.Machines.CreatePool(ctx, w.Person, w.Provider, machines.NewPool{Name: "second", Prefix: netip.MustParsePrefix("10.0.0.0/16"), Underlay: netip.MustParsePrefix("192.0.2.0/24")}))
	storetest.WantRefusal(t, change(func(p *machines.NewPool) { p.Name = "second" }), "duplicate")

	w.Launch(t, "one", 1)
	for field, f := range map[string]func(*machines.NewPool){
		"prefix":       func(p *machines.NewPool) { p.Prefix = netip.MustParsePrefix("10.64.0.0/12") },
		"subnet_bits":  func(p *machines.NewPool) { p.SubnetBits = 26 },
		"management":   func(p *machines.NewPool) { p.Management = []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")} },
		"machine_type": func(p *machines.NewPool) { p.MachineType = "pc" },
		"mtu":          func(p *machines.NewPool) { p.MTU = 1400 },
		"masquerade":   func(p *machines.NewPool) { p.NoMasquerade = true },
	} {
		if r := storetest.WantRefusal(t, change(f), "pool_in_use"); len(r.Fields) != 1 || r.Fields[field] == "" {
			t.Errorf("%s while a cluster uses it: %v", field, r.Fields)
		}
	}
	storetest.NoError(t, change(func(p *machines.NewPool) { p.Location, p.TestVCPUs = "Bergen", 2 }))
}

func TestRetireShape(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	big := storetest.Must[uuid.UUID](t)(w.DB.Machines.CreateShape(ctx, w.Person, w.Provider, machines.NewShape{Name: "big", Shape: provisioner.Shape{VCPUs: 4, MemoryMiB: 4096, DiskGiB: 10}}))
	w.Launch(t, "one", 1)
	list, total, err := w.DB.Machines.ProviderShapes(ctx, w.Provider, machines.ShapeFilter{})
	if err != nil || total != 2 || list[0].Name != "small" || list[0].Nodes != 2 || list[1].Nodes != 0 {
		t.Fatalf("shapes %+v %v", list, err)
	}
	storetest.WantRefusal(t, w.DB.Machines.RetireShape(ctx, w.Person, w.Provider, list[0].ID), "shape_in_use")
	storetest.WantRefusal(t, w.DB.Machines.RetireShape(ctx, w.Person, uuid.New(), big), "not_found")
	storetest.NoError(t, w.DB.Machines.RetireShape(ctx, w.Person, w.Provider, big))
	storetest.WantRefusal(t, w.DB.Machines.RetireShape(ctx, w.Person, w.Provider, big), "not_found")
	if shapes := storetest.Must[[]machines.Shape](t)(w.DB.Machines.Shapes(ctx, w.Provider)); len(shapes) != 1 {
		t.Errorf("a retired shape is still offered: %+v", shapes)
	}
	if list, total, err := w.DB.Machines.ProviderShapes(ctx, w.Provider, machines.ShapeFilter{Retired: true}); err != nil || total != 1 || list[0].ID != big || !list[0].Retired {
		t.Errorf("retired shapes %+v %v", list, err)
	}
	_, err = w.DB.Machines.CreateShape(ctx, w.Person, w.Provider, machines.NewShape{Name: "big", Shape: provisioner.Shape{VCPUs: 4, MemoryMiB: 4096, DiskGiB: 10}})
	storetest.WantRefusal(t, err, "duplicate")
}

// TestAllowedPrefixes opens private ranges to guests: what may be opened, and that running clusters get to know.
func TestAllowedPrefixes(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	prefixes := func(texts ...string) (list []netip.Prefix) {
		for _, text := range texts {
			list = append(list, netip.MustParsePrefix(text))
		}
		return list
	}
	change := func(allowed ...string) error {
		return w.DB.Machines.UpdatePool(ctx, w.Person, w.Provider, w.PoolID, machines.NewPool{
			Name: "main", Prefix: netip.MustParsePrefix("10.128.0.0/12"), Underlay: netip.MustParsePrefix("192.0.2.0/24"), Allowed: prefixes(allowed...),
		})
	}
	cluster := w.Launch(t, "one", 1)
	work := func() machines.ClusterWork {
		t.Helper()
		return storetest.Must[machines.ClusterWork](t)(w.DB.Machines.ClusterForReconcile(ctx, cluster))
	}
	before := work()
	if len(before.Pool.Allowed) != 0 {
		t.Errorf("a pool allows %v from the start", before.Pool.Allowed)
	}
	storetest.NoError(t, change("192.168.20.0/24", "100.64.3.0/24"))
	opened := work()
	if len(opened.Pool.Allowed) != 2 || opened.NetworkGeneration != before.NetworkGeneration+1 || opened.Generation != before.Generation+1 {
		t.Errorf("after the change: allowed %v, network generation %d, generation %d; before %d and %d",
			opened.Pool.Allowed, opened.NetworkGeneration, opened.Generation, before.NetworkGeneration, before.Generation)
	}
	storetest.NoError(t, change("192.168.20.0/24", "100.64.3.0/24"))
	if again := work(); again.NetworkGeneration != opened.NetworkGeneration {
		t.Error("a change that opens nothing makes the networks anew")
	}
	many := make([]string, machines.MaxAllowed+1)
	for i := range many {
		many[i] = netip.PrefixFrom(netip.AddrFrom4([4]byte{192, 168, byte(i), 0}), 24).String()
	}
	for _, wrong := range [][]string{{"169.254.169.254/32"}, {"127.0.0.0/8"}, {"198.51.100.0/24"}, {"8.0.0.0/6"}, {"fd00::/8"}, {"10.130.0.0/16"}, {"10.0.0.0/8"}, many} {
		if r := storetest.WantRefusal(t, change(wrong...), "invalid"); r.Fields["allowed"] == "" {
			t.Errorf("%v: %v", wrong, r.Fields)
		}
	}

	// Another pool of the provider: its hosts and clusters are closed to the guests of this one, and their networks know it.
	second := machines.NewPool{
		Name: "second", Prefix: netip.MustParsePrefix("10.16.0.0/16"), Underlay: netip.MustParsePrefix("192.168.30.0/24"), Management: prefixes("10.17.0.0/24"),
	}
	clash := second
	clash.Underlay = netip.MustParsePrefix("192.168.20.128/25")
	_, err := w.DB.Machines.CreatePool(ctx, w.Person, w.Provider, clash)
	if r := storetest.WantRefusal(t, err, "invalid"); r.Fields["underlay"] == "" {
		t.Errorf("an underlay that guests of another pool reach: %v", r.Fields)
	}
	storetest.Must[uuid.UUID](t)(w.DB.Machines.CreatePool(ctx, w.Person, w.Provider, second))
	closed := work()
	if closed.NetworkGeneration != opened.NetworkGeneration+1 {
		t.Error("a new pool does not make the networks of the others anew")
	}
	for _, p := range prefixes("10.128.0.0/12", "192.0.2.0/24", "10.16.0.0/16", "192.168.30.0/24", "10.17.0.0/24") {
		if !slices.Contains(closed.Pool.Forbidden, p) {
			t.Errorf("%s is not among what guests may not reach: %v", p, closed.Pool.Forbidden)
		}
	}
	for _, wrong := range []string{"192.168.30.0/28", "10.17.0.0/16", "10.16.0.0/24"} {
		if r := storetest.WantRefusal(t, change(wrong), "invalid"); r.Fields["allowed"] == "" {
			t.Errorf("%s of another pool: %v", wrong, r.Fields)
		}
	}

	storetest.NoError(t, w.DB.Machines.PauseCluster(ctx, w.Person, w.Provider, cluster, "a case to keep"))
	last := work().NetworkGeneration
	storetest.NoError(t, change("192.168.40.0/24"))
	if work().NetworkGeneration == last {
		t.Error("a paused cluster would go on with the old walls")
	}
}
