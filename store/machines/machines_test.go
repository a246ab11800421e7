package machines_test

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/uuid"
	"volary.dev/provisioner"
	"volary.dev/store/machines"
	"volary.dev/store/people"
	"volary.dev/store/storetest"
)

func TestShapes(t *testing.T) {
	w := storetest.NewWorld(t)
	big := machines.NewShape{Name: "big", Shape: provisioner.Shape{VCPUs: 1, MemoryMiB: 8192, DiskGiB: 10}}
	storetest.Must[uuid.UUID](t)(w.DB.Machines.CreateShape(t.Context(), w.Person, w.Provider, big))
	shapes := storetest.Must[[]machines.Shape](t)(w.DB.Machines.Shapes(t.Context(), w.Provider))
	if len(shapes) != 2 || shapes[0].Name != "small" || shapes[1].Rate != 2000 || shapes[1].Size().MemoryMiB != 8192 {
		t.Errorf("shapes %+v", shapes)
	}
	_, err := w.DB.Machines.CreateShape(t.Context(), w.Person, w.Provider, big)
	storetest.WantRefusal(t, err, "duplicate")
	big.Name = "other"
	_, err = w.DB.Machines.CreateShape(t.Context(), w.Person, uuid.New(), big)
	storetest.WantRefusal(t, err, "not_found")
	for _, bad := range []provisioner.Shape{{}, {VCPUs: -1, MemoryMiB: -1, DiskGiB: -1}, {VCPUs: 1 << 40, MemoryMiB: 1 << 40, DiskGiB: 1 << 40}} {
		_, err = w.DB.Machines.CreateShape(t.Context(), w.Person, w.Provider, machines.NewShape{Name: "bad", Shape: bad})
		if r := storetest.WantRefusal(t, err, "invalid"); len(r.Fields) != 3 {
			t.Errorf("%+v: %v", bad, r.Fields)
		}
	}
}

func TestPools(t *testing.T) {
	w := storetest.NewWorld(t)
	pools := storetest.Must[[]machines.PoolPlace](t)(w.DB.Machines.PoolPlaces(t.Context()))
	if len(pools) != 1 || pools[0] != (machines.PoolPlace{PoolID: w.PoolID, PoolName: "main", ProviderID: w.Provider, ProviderName: "North"}) {
		t.Errorf("pools %+v", pools)
	}
	if id := storetest.Must[uuid.UUID](t)(w.DB.Machines.PoolByName(t.Context(), w.Provider, "main")); id != w.PoolID {
		t.Errorf("pool by name %s", id)
	}
	_, err := w.DB.Machines.PoolByName(t.Context(), uuid.New(), "main")
	storetest.WantRefusal(t, err, "not_found")

	good := machines.NewPool{Name: "main", Prefix: netip.MustParsePrefix("10.0.0.0/12"), Underlay: netip.MustParsePrefix("192.0.2.0/24")}
	_, err = w.DB.Machines.CreatePool(t.Context(), w.Person, w.Provider, good)
	storetest.WantRefusal(t, err, "duplicate")
	for field, change := range map[string]func(*machines.NewPool){
		"name":         func(p *machines.NewPool) { p.Name = "" },
		"prefix":       func(p *machines.NewPool) { p.Prefix = netip.MustParsePrefix("192.0.0.0/16") },
		"subnet_bits":  func(p *machines.NewPool) { p.SubnetBits = 30 },
		"underlay":     func(p *machines.NewPool) { p.Underlay = netip.Prefix{} },
		"storage":      func(p *machines.NewPool) { p.Storage = "tape" },
		"machine_type": func(p *machines.NewPool) { p.MachineType = "<q35/>" },
		"mtu":          func(p *machines.NewPool) { p.MTU = -1 },
		"test_vcpus":   func(p *machines.NewPool) { p.TestVCPUs = -1 },
		"max_lease":    func(p *machines.NewPool) { p.MaxLeaseHours = 1 << 40 },
	} {
		bad := good
		bad.Name = "other"
		change(&bad)
		_, err := w.DB.Machines.CreatePool(t.Context(), w.Person, w.Provider, bad)
		if r := storetest.WantRefusal(t, err, "invalid"); r.Fields[field] == "" {
			t.Errorf("%s: %v", field, r.Fields)
		}
	}
}

func TestAddHostAndItsCheck(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	four := machines.NewHost{
		Name: "host-4", Address: provisioner.HostAddress{Scheme: provisioner.SchemeTLS, Name: "h4.example.org"},
		Underlay: netip.MustParseAddr("192.0.2.4"), VCPUs: 16,
	}
	operator := storetest.Member(t, w, "operator@example.org")
	storetest.NoError(t, w.DB.People.AddStaff(ctx, uuid.Nil, w.Provider, w.Person, people.StaffAdmin))
	storetest.NoError(t, w.DB.People.AddStaff(ctx, uuid.Nil, w.Provider, operator, people.StaffOperator))
	id := storetest.Must[uuid.UUID](t)(w.DB.Machines.AddHost(ctx, w.Person, w.Provider, w.PoolID, four))
	h := storetest.Must[machines.Host](t)(w.DB.Machines.Host(ctx, w.Provider, id))
	if h.State != provisioner.HostActive || h.Fit || h.WhyUnfit() != "waits for enrolment" || h.Standing() != "waits for enrolment" || h.CheckState != "waiting" || h.Address != four.Address || h.PoolName != "main" {
		t.Errorf("new host %+v", h)
	}
	wantJobs(t, w, "check_host", 4)
	// The admins of the provider hear of it, and nobody else.
	var told, others int
	err := w.Pool.QueryRow(ctx, `
		SELECT count(*) FILTER (WHERE to_address = 'ada@example.org'), count(*) FROM mails
		WHERE kind = 'host_added' AND data ->> 'host' = 'host-4'`).Scan(&told, &others)
	if err != nil || told != 1 || others != 1 {
		t.Errorf("%d admins and %d people in all were mailed: %v", told, others, err)
	}

	storetest.Enrol(t, w.DB, id)
	if h = storetest.Must[machines.Host](t)(w.DB.Machines.Host(ctx, w.Provider, id)); h.CheckState != "running" || h.Code != "" || h.WhyUnfit() != "not checked yet" {
		t.Errorf("enrolled host %+v", h)
	}
	progress := []provisioner.HostCheck{{Name: "connection", State: provisioner.CheckPassed, Seconds: 0.1}, {Name: "overlay network", State: provisioner.CheckSkipped, Detail: "no other host"}}
	storetest.NoError(t, w.DB.Machines.HostCheckProgress(ctx, id, progress))
	failed := append(progress, provisioner.HostCheck{Name: "storage", State: provisioner.CheckFailed, Detail: "there is no pool volary"})
	facts := provisioner.HostFacts{UUID: uuid.New(), VCPUs: 4, CPUModel: "Intel(R)\u202e Xeon\n " + strings.Repeat("x", 500), MemoryMiB: 4096, DiskGiB: 50}
	storetest.NoError(t, w.DB.Machines.HostCheckDone(ctx, id, facts, "", failed, false))
	if h = storetest.Must[machines.Host](t)(w.DB.Machines.HostForWorker(ctx, id)); h.Fit || h.WhyUnfit() != "its check failed: storage: there is no pool volary" || len(h.CheckReport) != 3 {
		t.Errorf("host that failed its check %+v", h)
	}
	storetest.NoError(t, w.DB.Machines.CheckHost(ctx, w.Person, w.Provider, id))
	wantJobs(t, w, "check_host", 4) // the first one still waits, and will do
	storetest.NoError(t, w.DB.Machines.HostCheckDone(ctx, id, facts, provisioner.AccelerationKVM, progress, true))
	h = storetest.Must[machines.Host](t)(w.DB.Machines.Host(ctx, w.Provider, id))
	if h.State != provisioner.HostActive || !h.Fit || h.WhyUnfit() != "" || h.Acceleration != provisioner.AccelerationKVM || h.CheckState != "passed" ||
		h.Capacity != (provisioner.Shape{VCPUs: 16, MemoryMiB: 4096 - 512, DiskGiB: 50}) || h.Processors != 4 ||
		h.CPUModel != "Intel Xeon "+strings.Repeat("x", 69) {
		t.Errorf("host that passed its check %+v", h)
	}
	// How its pool's vCPUs are made: sixteen are sold on four processors.
	made := storetest.Must[provisioner.Processors](t)(w.DB.Machines.PoolProcessors(ctx, w.Provider, w.PoolID))
	if made.KVM != 1 || made.Emulated != 3 || len(made.Models) != 2 || made.Sold() != "1 to 4 vCPUs sold per processor" {
		t.Errorf("processors of the pool %+v", made)
	}
	// The hosts of the world have UEFI firmware, this one has not; a host that takes no nodes counts nowhere.
	if made.UEFI != 3 || made.Firmware() != "starts BIOS, and UEFI on 3 of 4 hosts" {
		t.Errorf("firmware of the pool: %d, %q", made.UEFI, made.Firmware())
	}
	w.Exec(t, `UPDATE hosts SET uefi = NULL WHERE id = $1`, w.Hosts[0])
	w.Exec(t, `UPDATE hosts SET state = 'cordoned' WHERE id = $1`, w.Hosts[1])
	if made := storetest.Must[provisioner.Processors](t)(w.DB.Machines.PoolProcessors(ctx, w.Provider, w.PoolID)); made.Firmware() != "starts BIOS, and UEFI on 1 of 3 hosts" {
		t.Errorf("firmware of the pool, with one host that was not looked at: %q", made.Firmware())
	}
	_, err = w.DB.Machines.PoolProcessors(ctx, uuid.New(), w.PoolID)
	storetest.WantCode(t, err, "not_found")
}

func wantJobs(t *testing.T, w *storetest.World, kind string, want int) {
	t.Helper()
	var n int
	storetest.NoError(t, w.Pool.QueryRow(t.Context(), `SELECT count(*) FROM river_job WHERE kind = $1`, kind).Scan(&n))
	if n != want {
		t.Errorf("%d jobs %s, want %d", n, kind, want)
	}
}

func TestAddHostRefusals(t *testing.T) {
	w := storetest.NewWorld(t)
	good := machines.NewHost{
		Name: "host-9", Address: provisioner.HostAddress{Scheme: provisioner.SchemeTLS, Name: "h9.example.org"}, Underlay: netip.MustParseAddr("192.0.2.9"),
	}
	add := func(change func(*machines.NewHost)) error {
		h := good
		change(&h)
		_, err := w.DB.Machines.AddHost(t.Context(), w.Person, w.Provider, w.PoolID, h)
		return err
	}
	for _, c := range []struct {
		field  string
		change func(*machines.NewHost)
	}{
		{"name", func(h *machines.NewHost) { h.Name = "" }},
		{"address", func(h *machines.NewHost) { h.Address.Name = "h9/system?command=rm" }},
		{"underlay", func(h *machines.NewHost) { h.Underlay = netip.Addr{} }},
		{"underlay", func(h *machines.NewHost) { h.Underlay = netip.MustParseAddr("198.51.100.1") }},
		{"vcpus", func(h *machines.NewHost) { h.VCPUs = -1 }},
	} {
		if r := storetest.WantRefusal(t, add(c.change), "invalid"); r.Fields[c.field] == "" {
			t.Errorf("%s: %v", c.field, r.Fields)
		}
	}
	storetest.WantRefusal(t, add(func(h *machines.NewHost) { h.Name = "host-1" }), "duplicate")
	storetest.WantRefusal(t, add(func(h *machines.NewHost) {
		h.Address = provisioner.HostAddress{Scheme: provisioner.SchemeMemory, Name: "host-1"}
	}), "duplicate")
	_, err := w.DB.Machines.AddHost(t.Context(), w.Person, uuid.New(), w.PoolID, good)
	storetest.WantRefusal(t, err, "not_found")
	storetest.WantRefusal(t, w.DB.Machines.CheckHost(t.Context(), w.Person, uuid.New(), w.Hosts[0]), "not_found")
	_, err = w.DB.Machines.Host(t.Context(), uuid.New(), w.Hosts[0])
	storetest.WantRefusal(t, err, "not_found")
}

func TestHostsAndTheirNodes(t *testing.T) {
	w := storetest.NewWorld(t)
	w.Launch(t, "one", 3)
	hosts := storetest.Must[[]machines.Host](t)(w.DB.Machines.Hosts(t.Context(), w.Provider))
	nodes := 0
	for _, h := range hosts {
		list := storetest.Must[[]machines.HostNode](t)(w.DB.Machines.HostNodes(t.Context(), w.Provider, h.ID))
		if len(list) != h.Nodes || h.Used.VCPUs != h.Nodes || h.Used.DiskGiB != 2*h.Nodes {
			t.Errorf("host %+v carries %+v", h, list)
		}
		for _, n := range list {
			if n.ClusterName != "one" || n.OrganizationName != "Astro" || n.State != provisioner.NodeReserved {
				t.Errorf("node %+v", n)
			}
		}
		nodes += len(list)
	}
	if len(hosts) != 3 || nodes != 4 {
		t.Errorf("%d nodes on %d hosts", nodes, len(hosts))
	}
	if list := storetest.Must[[]machines.HostNode](t)(w.DB.Machines.HostNodes(t.Context(), uuid.New(), w.Hosts[0])); len(list) != 0 {
		t.Errorf("another provider sees %+v", list)
	}
	if list := storetest.Must[[]machines.Host](t)(w.DB.Machines.HostsOfPool(t.Context(), w.PoolID)); len(list) != 3 {
		t.Errorf("hosts of the pool %+v", list)
	}
}
