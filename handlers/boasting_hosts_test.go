package handlers_test

import (
	"net/http"
	"net/netip"
	"testing"

	"github.com/google/uuid"

	"volary.dev/handlers/handlertest"
	"volary.dev/provisioner"
	"volary.dev/store/machines"
	"volary.dev/store/storetest"
)

// Whatever a provider's machines say of themselves, the pages that add them up are shown.
func TestHostsThatBoast(t *testing.T) {
	a := handlertest.Start(t, handlertest.Options{})
	w := a.World()
	a.Furnish(w)
	ctx := t.Context()
	var pool uuid.UUID
	if err := a.Pool.QueryRow(ctx, `SELECT id FROM pools WHERE provider_id = $1`, w.South).Scan(&pool); err != nil {
		t.Fatal(err)
	}
	for i, facts := range []provisioner.HostFacts{
		{VCPUs: 1<<31 - 1, MemoryMiB: 1<<31 - 1, DiskGiB: 1<<31 - 1, HookAnswers: true},
		{VCPUs: 1<<31 - 1, MemoryMiB: 1<<31 - 1, DiskGiB: 1<<31 - 1, HookAnswers: true},
		{VCPUs: 1 << 40, MemoryMiB: 1 << 40, DiskGiB: 1 << 40, HookAnswers: true},
	} {
		name := "boast-" + string(rune('a'+i))
		id, err := a.Store.Machines.AddHost(ctx, w.Person(handlertest.OtherAdmin), w.South, pool, machines.NewHost{
			Name: name, Underlay: netip.AddrFrom4([4]byte{198, 51, 100, byte(20 + i)}), Address: provisioner.HostAddress{Scheme: provisioner.SchemeMemory, Name: name},
		})
		storetest.NoError(t, err)
		storetest.Enrol(t, a.Store, id)
		checks := []provisioner.HostCheck{{Name: "connection", State: provisioner.CheckPassed}}
		storetest.NoError(t, a.Store.Machines.HostCheckDone(ctx, id, facts, provisioner.AccelerationKVM, checks, true))
	}
	b := a.SignIn(handlertest.OtherAdmin)
	for _, path := range []string{"/market", "/market/providers/" + w.South.String(), "/provider", "/provider/hosts", "/provider/pools", "/provider/pools/" + pool.String()} {
		if got := b.Get(path); got.Status != http.StatusOK {
			t.Errorf("%s: %d", path, got.Status)
		}
	}
}
