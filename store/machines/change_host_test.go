package machines_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/uuid"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
	"volary.dev/store/machines"
	"volary.dev/store/storetest"
)

func TestCordonDrainAndActivateAHost(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx, id := t.Context(), w.Hosts[0]
	state := func(want provisioner.HostState, reason string) {
		t.Helper()
		if h := storetest.Must[machines.Host](t)(w.DB.Machines.Host(ctx, w.Provider, id)); h.State != want || h.StateReason != reason {
			t.Errorf("host is %s %q, want %s %q", h.State, h.StateReason, want, reason)
		}
	}
	storetest.NoError(t, w.DB.Machines.CordonHost(ctx, w.Person, w.Provider, id, " memory to be replaced "))
	state(provisioner.HostCordoned, "memory to be replaced")
	storetest.NoError(t, w.DB.Machines.DrainHost(ctx, w.Person, w.Provider, id, ""))
	state(provisioner.HostDraining, "")
	storetest.NoError(t, w.DB.Machines.ActivateHost(ctx, w.Person, w.Provider, id))
	state(provisioner.HostActive, "")

	storetest.WantRefusal(t, w.DB.Machines.CordonHost(ctx, w.Person, w.Provider, id, strings.Repeat("x", 201)), "invalid")
	for name, err := range map[string]error{
		"cordon": w.DB.Machines.CordonHost(ctx, w.Person, uuid.New(), id, ""), "drain": w.DB.Machines.DrainHost(ctx, w.Person, uuid.New(), id, ""),
		"activate": w.DB.Machines.ActivateHost(ctx, w.Person, uuid.New(), id), "remove": w.DB.Machines.RemoveHost(ctx, w.Person, uuid.New(), id),
		"check": w.DB.Machines.CheckHost(ctx, w.Person, uuid.New(), id),
	} {
		if r, is := refusal.As(err); !is || r.Code != "not_found" {
			t.Errorf("%s of another provider's host: %v", name, err)
		}
	}
	// What staff want and what is seen are two things; who did not pass its last check is not activated.
	w.Exec(t, `UPDATE hosts SET state = 'cordoned', missed_rounds = 5 WHERE id = $1`, id)
	storetest.NoError(t, w.DB.Machines.ActivateHost(ctx, w.Person, w.Provider, id))
	state(provisioner.HostActive, "")
	if h := storetest.Must[machines.Host](t)(w.DB.Machines.Host(ctx, w.Provider, id)); h.Fit || h.Seen != provisioner.HostSilent {
		t.Errorf("a silent host: %+v", h)
	}
	w.Exec(t, `UPDATE hosts SET state = 'cordoned', checked = false WHERE id = $1`, id)
	storetest.WantRefusal(t, w.DB.Machines.ActivateHost(ctx, w.Person, w.Provider, id), "host_unchecked")
}

func TestADrainingHostTakesNothingNew(t *testing.T) {
	w := storetest.NewWorld(t)
	for _, id := range w.Hosts[1:] {
		storetest.NoError(t, w.DB.Machines.CordonHost(t.Context(), w.Person, w.Provider, id, ""))
	}
	cluster := w.Launch(t, "one", 1)
	storetest.NoError(t, w.DB.Machines.DrainHost(t.Context(), w.Person, w.Provider, w.Hosts[0], ""))
	_, err := w.DB.Machines.LaunchCluster(t.Context(), w.Organization, w.Person, machines.LaunchRequest{VersionID: w.Version, PoolID: w.PoolID, Name: "two", Counts: machines.Counts{"compute": 0}, LeaseSeconds: 3600})
	storetest.WantRefusal(t, err, "capacity")
	list := storetest.Must[[]machines.HostCluster](t)(w.DB.Machines.HostClusters(t.Context(), w.Provider, w.Hosts[0]))
	if len(list) != 1 || list[0].ID != cluster || list[0].Nodes != 2 || list[0].OrganizationName != "Astro" || list[0].Test {
		t.Errorf("still on it: %+v", list)
	}
	if list = storetest.Must[[]machines.HostCluster](t)(w.DB.Machines.HostClusters(t.Context(), uuid.New(), w.Hosts[0])); len(list) != 0 {
		t.Errorf("another provider sees %+v", list)
	}
}

func TestRemoveAHost(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx, id := t.Context(), w.Hosts[0]
	for _, other := range w.Hosts[1:] {
		storetest.NoError(t, w.DB.Machines.CordonHost(ctx, w.Person, w.Provider, other, ""))
	}
	w.Launch(t, "one", 2)
	if r := storetest.WantRefusal(t, w.DB.Machines.RemoveHost(ctx, w.Person, w.Provider, id), "host_in_use"); !strings.Contains(r.Title, "3 nodes") {
		t.Errorf("refused with %q", r.Title)
	}
	w.Exec(t, `UPDATE nodes SET desired = 'gone', state = 'gone', image_id = NULL`)
	was := storetest.Must[machines.Host](t)(w.DB.Machines.Host(ctx, w.Provider, id))
	storetest.NoError(t, w.DB.Machines.RemoveHost(ctx, w.Person, w.Provider, id))
	_, err := w.DB.Machines.Host(ctx, w.Provider, id)
	storetest.WantRefusal(t, err, "not_found")
	storetest.WantRefusal(t, w.DB.Machines.RemoveHost(ctx, w.Person, w.Provider, id), "not_found")
	list, total, err := w.DB.Machines.HostList(ctx, w.Provider, machines.HostFilter{})
	if err != nil || len(list) != 2 || total != 2 {
		t.Errorf("%d of %d hosts left: %v", len(list), total, err)
	}
	// Name, address and machine may come again.
	_, err = w.DB.Machines.AddHost(ctx, w.Person, w.Provider, w.PoolID, machines.NewHost{Name: was.Name, Address: was.Address, Underlay: was.Underlay})
	storetest.NoError(t, err)
}

func TestAddHostByFields(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	good := machines.NewHost{
		Name: "host-9", Address: provisioner.HostAddress{Scheme: provisioner.SchemeTLS, Name: "H9.example.org"}, Underlay: netip.MustParseAddr("192.0.2.9"),
		Labels: map[string]string{"rack": "a1"},
	}
	id := storetest.Must[uuid.UUID](t)(w.DB.Machines.AddHost(ctx, w.Person, w.Provider, w.PoolID, good))
	if h := storetest.Must[machines.Host](t)(w.DB.Machines.Host(ctx, w.Provider, id)); h.Address.Name != "h9.example.org" || h.Labels["rack"] != "a1" || h.OfferedVCPUs != 0 {
		t.Errorf("host %+v", h)
	}
	again := good
	again.Name, again.Address.Name = "host-10", "h9.EXAMPLE.org"
	_, err := w.DB.Machines.AddHost(ctx, w.Person, w.Provider, w.PoolID, again)
	if r := storetest.WantRefusal(t, err, "duplicate"); r.Fields["address"] == "" {
		t.Errorf("the same address: %+v", r)
	}
	for field, change := range map[string]func(*machines.NewHost){
		"address": func(h *machines.NewHost) { h.Address.Name = "qemu+ssh://root@h/system?command=id" },
		"labels":  func(h *machines.NewHost) { h.Labels = map[string]string{"": "x"} },
	} {
		bad := good
		change(&bad)
		_, err := w.DB.Machines.AddHost(ctx, w.Person, w.Provider, w.PoolID, bad)
		if r := storetest.WantRefusal(t, err, "invalid"); r.Fields[field] == "" {
			t.Errorf("%s: %v", field, r.Fields)
		}
	}
}

func TestHostListFiltersAndSorts(t *testing.T) {
	w := storetest.NewWorld(t)
	storetest.NoError(t, w.DB.Machines.CordonHost(t.Context(), w.Person, w.Provider, w.Hosts[1], ""))
	for name, c := range map[string]struct {
		filter machines.HostFilter
		first  string
		total  int
	}{
		"all":     {machines.HostFilter{}, "host-1", 3},
		"search":  {machines.HostFilter{Search: "HOST-3"}, "host-3", 1},
		"no wild": {machines.HostFilter{Search: "host%"}, "", 0},
		"state":   {machines.HostFilter{State: "cordoned"}, "host-2", 1},
		"pool":    {machines.HostFilter{Pool: uuid.New()}, "", 0},
		"sorted":  {machines.HostFilter{Sorting: store.Sorting{By: "name", Desc: true}}, "host-3", 3},
		"page":    {machines.HostFilter{Page: store.Page{Limit: 1, Offset: 1}}, "host-2", 3},
	} {
		list, total, err := w.DB.Machines.HostList(t.Context(), w.Provider, c.filter)
		if err != nil || total != c.total || len(list) > 0 && list[0].Name != c.first || (len(list) == 0) != (c.first == "") {
			t.Errorf("%s: %d hosts of %d, %v", name, len(list), total, err)
		}
	}
	if list, total, err := w.DB.Machines.HostList(t.Context(), uuid.New(), machines.HostFilter{}); err != nil || total != 0 || len(list) != 0 {
		t.Errorf("another provider's: %d, %v", total, err)
	}
}
