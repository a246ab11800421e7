package machines_test

import (
	"net/netip"
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
		"storage":      func(p *machines.NewPool) { p.Storage = "shared" },
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
