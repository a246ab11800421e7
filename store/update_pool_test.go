package store_test

import (
	"net/netip"
	"testing"

	"github.com/google/uuid"
	"volary.dev/provisioner"
	"volary.dev/store"
	"volary.dev/store/storetest"
)

func TestUpdatePool(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	same := store.NewPool{Name: "main", Prefix: netip.MustParsePrefix("10.128.0.0/12"), Underlay: netip.MustParsePrefix("192.0.2.0/24")}
	change := func(f func(*store.NewPool)) error {
		p := same
		f(&p)
		return w.DB.UpdatePool(ctx, w.Person, w.Provider, w.PoolID, p)
	}
	noError(t, change(func(p *store.NewPool) {
		p.Name, p.Location, p.Policy, p.NoTests, p.MaxLeaseHours, p.WipeDisks = "north", "Oslo", "Quiet.", true, 48, true
	}))
	got := must[store.PoolRow](t)(w.DB.ProviderPool(ctx, w.Provider, w.PoolID))
	if got.Name != "north" || got.Location != "Oslo" || got.Policy != "Quiet." || got.TestVCPUs != 0 || got.MaxLeaseHours != 48 || !got.WipeDisks || !got.Masquerade {
		t.Errorf("pool %+v", got)
	}
	if r := wantRefusal(t, change(func(p *store.NewPool) { p.Underlay = netip.MustParsePrefix("198.51.100.0/24") }), "invalid"); r.Fields["underlay"] == "" {
		t.Errorf("an underlay without the hosts: %v", r.Fields)
	}
	noError(t, change(func(p *store.NewPool) {
		p.Prefix = netip.MustParsePrefix("10.64.0.0/12")
		p.MTU = 9000
		p.NoMasquerade = true
	}))
	noError(t, change(func(*store.NewPool) {}))
	wantRefusal(t, w.DB.UpdatePool(ctx, w.Person, uuid.New(), w.PoolID, same), "not_found")
	must[uuid.UUID](t)(w.DB.CreatePool(ctx, w.Person, w.Provider, store.NewPool{Name: "second", Prefix: netip.MustParsePrefix("10.0.0.0/16"), Underlay: netip.MustParsePrefix("192.0.2.0/24")}))
	wantRefusal(t, change(func(p *store.NewPool) { p.Name = "second" }), "duplicate")

	w.Launch(t, "one", 1)
	for field, f := range map[string]func(*store.NewPool){
		"prefix":       func(p *store.NewPool) { p.Prefix = netip.MustParsePrefix("10.64.0.0/12") },
		"subnet_bits":  func(p *store.NewPool) { p.SubnetBits = 26 },
		"management":   func(p *store.NewPool) { p.Management = []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")} },
		"machine_type": func(p *store.NewPool) { p.MachineType = "pc" },
		"mtu":          func(p *store.NewPool) { p.MTU = 1400 },
		"masquerade":   func(p *store.NewPool) { p.NoMasquerade = true },
	} {
		if r := wantRefusal(t, change(f), "pool_in_use"); len(r.Fields) != 1 || r.Fields[field] == "" {
			t.Errorf("%s while a cluster uses it: %v", field, r.Fields)
		}
	}
	noError(t, change(func(p *store.NewPool) { p.Location, p.TestVCPUs = "Bergen", 2 }))
}

func TestRetireShape(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	big := must[uuid.UUID](t)(w.DB.CreateShape(ctx, w.Person, w.Provider, store.NewShape{Name: "big", Shape: provisioner.Shape{VCPUs: 4, MemoryMiB: 4096, DiskGiB: 10}}))
	w.Launch(t, "one", 1)
	list, total, err := w.DB.ProviderShapes(ctx, w.Provider, store.ShapeFilter{})
	if err != nil || total != 2 || list[0].Name != "small" || list[0].Nodes != 2 || list[1].Nodes != 0 {
		t.Fatalf("shapes %+v %v", list, err)
	}
	wantRefusal(t, w.DB.RetireShape(ctx, w.Person, w.Provider, list[0].ID), "shape_in_use")
	wantRefusal(t, w.DB.RetireShape(ctx, w.Person, uuid.New(), big), "not_found")
	noError(t, w.DB.RetireShape(ctx, w.Person, w.Provider, big))
	wantRefusal(t, w.DB.RetireShape(ctx, w.Person, w.Provider, big), "not_found")
	if shapes := must[[]store.Shape](t)(w.DB.Shapes(ctx, w.Provider)); len(shapes) != 1 {
		t.Errorf("a retired shape is still offered: %+v", shapes)
	}
	if list, total, err := w.DB.ProviderShapes(ctx, w.Provider, store.ShapeFilter{Retired: true}); err != nil || total != 1 || list[0].ID != big || !list[0].Retired {
		t.Errorf("retired shapes %+v %v", list, err)
	}
	_, err = w.DB.CreateShape(ctx, w.Person, w.Provider, store.NewShape{Name: "big", Shape: provisioner.Shape{VCPUs: 4, MemoryMiB: 4096, DiskGiB: 10}})
	wantRefusal(t, err, "duplicate")
}
