package machines_test

import (
	"fmt"
	"net/netip"
	"testing"

	"github.com/google/uuid"
	"volary.dev/provisioner"
	"volary.dev/store/machines"
	"volary.dev/store/storetest"
)

// movedTo gives the world's hosts addresses in another network, the first one's last.
func movedTo(w *storetest.World, network byte) machines.HostsMove {
	m := machines.HostsMove{Underlay: netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 51, network, 0}), 24)}
	for i, id := range w.Hosts {
		ip := netip.AddrFrom4([4]byte{198, 51, network, byte(20 - i)})
		m.Hosts = append(m.Hosts, machines.MovedHost{
			ID: id, Underlay: ip, Address: provisioner.HostAddress{Scheme: provisioner.SchemeMemory, Name: fmt.Sprint("moved-", network, "-", i)},
		})
	}
	return m
}

func TestMoveHosts(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	storetest.NoError(t, w.DB.Machines.CordonHost(ctx, w.Person, w.Provider, w.Hosts[2], "noisy fan"))
	storetest.NoError(t, w.DB.Machines.MoveHosts(ctx, w.Person, w.Provider, w.PoolID, movedTo(w, 100)))
	h := storetest.Must[machines.Host](t)(w.DB.Machines.Host(ctx, w.Provider, w.Hosts[0]))
	if h.State != provisioner.HostActive || h.WhyUnfit() != "moved, not checked yet" || h.CheckState != "running" ||
		h.Address.Name != "moved-100-0" || h.Underlay != netip.MustParseAddr("198.51.100.20") {
		t.Errorf("moved host %+v", h)
	}
	if h = storetest.Must[machines.Host](t)(w.DB.Machines.Host(ctx, w.Provider, w.Hosts[2])); h.State != provisioner.HostCordoned || h.StateReason != "noisy fan" {
		t.Errorf("a cordoned host became %s: %s", h.State, h.StateReason)
	}
	// Two hosts change places.
	swap := movedTo(w, 100)
	swap.Hosts = swap.Hosts[:2]
	swap.Hosts[0].ID, swap.Hosts[1].ID = swap.Hosts[1].ID, swap.Hosts[0].ID
	storetest.NoError(t, w.DB.Machines.MoveHosts(ctx, w.Person, w.Provider, w.PoolID, swap))
	if h = storetest.Must[machines.Host](t)(w.DB.Machines.Host(ctx, w.Provider, w.Hosts[0])); h.Address.Name != "moved-100-1" {
		t.Errorf("after changing places it is at %s", h.Address.Name)
	}
	report := []provisioner.HostCheck{{Name: "connection", State: provisioner.CheckPassed}}
	storetest.NoError(t, w.DB.Machines.HostCheckDone(ctx, w.Hosts[0], provisioner.HostFacts{}, "", report, true))
	if h = storetest.Must[machines.Host](t)(w.DB.Machines.Host(ctx, w.Provider, w.Hosts[0])); !h.Fit {
		t.Errorf("after its check it is %s: %s", h.State, h.StateReason)
	}
}

func TestMoveHostsRefusals(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	w.Ready(t, w.Launch(t, "one", 3))
	move := func(change func(*machines.HostsMove)) error {
		m := movedTo(w, 100)
		change(&m)
		return w.DB.Machines.MoveHosts(ctx, w.Person, w.Provider, w.PoolID, m)
	}
	storetest.WantRefusal(t, move(func(*machines.HostsMove) {}), "host_in_use")
	var id uuid.UUID
	storetest.NoError(t, w.Pool.QueryRow(ctx, `SELECT id FROM clusters`).Scan(&id))
	storetest.NoError(t, w.DB.Machines.PauseCluster(ctx, w.Person, w.Provider, id, "a case to keep"))
	storetest.WantRefusal(t, move(func(*machines.HostsMove) {}), "host_in_use") // it stands on them, and is to go on
	for field, change := range map[string]func(*machines.HostsMove){
		"address":       func(m *machines.HostsMove) { m.Hosts[0].Address.Scheme = provisioner.SchemeTCP },
		"underlay":      func(m *machines.HostsMove) { m.Hosts = m.Hosts[:2] }, // the third stays behind
		"pool_underlay": func(m *machines.HostsMove) { m.Underlay = netip.MustParsePrefix("0.0.0.0/0") },
	} {
		err := move(func(m *machines.HostsMove) { m.Restarted = true; change(m) })
		if r := storetest.WantRefusal(t, err, "invalid"); r.Fields[field] == "" {
			t.Errorf("%s: %v", field, r.Fields)
		}
	}
	storetest.WantRefusal(t, move(func(m *machines.HostsMove) { m.Restarted, m.Hosts[0].Address = true, m.Hosts[1].Address }), "duplicate")
	storetest.WantRefusal(t, w.DB.Machines.MoveHosts(ctx, w.Person, uuid.New(), w.PoolID, movedTo(w, 100)), "not_found")
	storetest.WantRefusal(t, move(func(m *machines.HostsMove) { m.Restarted, m.Hosts[0].ID = true, uuid.New() }), "not_found")
	if h := storetest.Must[machines.Host](t)(w.DB.Machines.Host(ctx, w.Provider, w.Hosts[0])); !h.Fit {
		t.Errorf("a refused move left the host %s", h.State)
	}
	storetest.NoError(t, move(func(m *machines.HostsMove) { m.Restarted = true }))
}
