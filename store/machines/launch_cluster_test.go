package machines_test

import (
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"
	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/books"
	"volary.dev/store/machines"
	"volary.dev/store/storetest"
)

func requestFor(w *storetest.World) machines.LaunchRequest {
	return machines.LaunchRequest{VersionID: w.Version, PoolID: w.PoolID, Name: "trial-1", Counts: machines.Counts{"compute": 3}, LeaseSeconds: 7200}
}

func left(t *testing.T, w *storetest.World) billing.Hours {
	t.Helper()
	cards := storetest.Must[[]books.WalletCard](t)(w.DB.Books.Wallet(t.Context(), w.Organization))
	return cards[0].Left
}

func TestLaunchCluster(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	const key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE1RrnnkX0fbbPvNI1BGKxJ8D8gOCjtnMuCPQbbX6ySx ada@laptop"
	storetest.Must[uuid.UUID](t)(w.DB.People.AddSSHKey(ctx, w.Person, "", key))
	q := storetest.Must[machines.Quote](t)(w.DB.Machines.Quote(ctx, w.Organization, requestFor(w)))
	if q.Need != 8*billing.ComputeHour || q.RatePerHour != 4*billing.ComputeHour || q.Left != 100*billing.ComputeHour ||
		q.LeftAfter != 92*billing.ComputeHour || q.Refusal != nil || len(q.Hosts) != 3 || len(q.Shapes) != 2 || q.Shapes[1].Count != 3 {
		t.Errorf("quote %+v", q)
	}
	id := storetest.Must[uuid.UUID](t)(w.DB.Machines.LaunchCluster(ctx, w.Organization, w.Person, requestFor(w)))
	if got := left(t, w); got != 92*billing.ComputeHour {
		t.Errorf("%s are left", got)
	}
	d := storetest.Must[machines.ClusterDetail](t)(w.DB.Machines.Cluster(ctx, w.Organization, id))
	if d.State != provisioner.ClusterWaiting || d.Held != 8*billing.ComputeHour || d.Used != 0 || d.PersonName != "Ada" || d.SSHPort != 0 || d.LeaseEndsAt != nil {
		t.Errorf("cluster %+v", d)
	}
	work := storetest.Must[machines.ClusterWork](t)(w.DB.Machines.ClusterForReconcile(ctx, id))
	wantNodes(t, work)
	if len(work.SSHKeys) != 1 || work.SSHKeys[0] != key || len(work.SeedSecret) != 64 || work.Test || work.Pool.MTU != 1450 {
		t.Errorf("work %+v", work)
	}
}

func wantNodes(t *testing.T, work machines.ClusterWork) {
	t.Helper()
	hosts, macs := map[uuid.UUID]int{}, map[string]bool{}
	for i, n := range work.Nodes {
		name, last := "head", byte(10)
		if i > 0 {
			name, last = fmt.Sprintf("compute-%03d", i), byte(10+i)
			hosts[n.Host.ID]++
		}
		if n.Name != name || n.Address.As4()[3] != last || !work.Subnet.Contains(n.Address) || n.State != provisioner.NodeReserved ||
			n.ImageDigest != storetest.Digest || n.ImageSize != 900 || n.Shape.MemoryMiB != 256 {
			t.Errorf("node %+v", n)
		}
		macs[n.MAC.String()] = true
	}
	if len(work.Nodes) != 4 || len(hosts) != 3 || len(macs) != 4 || work.Nodes[0].SSHPort == 0 || work.Nodes[1].SSHPort != 0 {
		t.Errorf("%d nodes, compute on %v, addresses %v", len(work.Nodes), hosts, macs)
	}
}

func TestLaunchRefusals(t *testing.T) {
	w := storetest.NewWorld(t)
	other := storetest.Must[uuid.UUID](t)(w.DB.People.CreateOrganization(t.Context(), uuid.Nil, "Other"))
	draft := storetest.Must[uuid.UUID](t)(w.DB.Models.SaveVersion(t.Context(), w.Organization, w.Person, storetest.DraftOf(w)))
	for _, c := range []struct {
		name, code, field string
		org               uuid.UUID
		change            func(*machines.LaunchRequest)
	}{
		{"no compute nodes below the range", "invalid", "compute", w.Organization, func(r *machines.LaunchRequest) { r.Counts = machines.Counts{"compute": -1} }},
		{"more than the range", "invalid", "compute", w.Organization, func(r *machines.LaunchRequest) { r.Counts = machines.Counts{"compute": 9} }},
		{"enormous count", "invalid", "compute", w.Organization, func(r *machines.LaunchRequest) { r.Counts = machines.Counts{"compute": 1 << 60} }},
		{"no lease", "invalid", "lease", w.Organization, func(r *machines.LaunchRequest) { r.LeaseSeconds = 0 }},
		{"negative lease", "invalid", "lease", w.Organization, func(r *machines.LaunchRequest) { r.LeaseSeconds = -3600 }},
		{"enormous lease", "invalid", "lease", w.Organization, func(r *machines.LaunchRequest) { r.LeaseSeconds = 1 << 62 }},
		{"no name", "invalid", "name", w.Organization, func(r *machines.LaunchRequest) { r.Name = "" }},
		{"name of a path", "invalid", "name", w.Organization, func(r *machines.LaunchRequest) { r.Name = "../etc" }},
		{"hold above the balance", "balance", "", w.Organization, func(r *machines.LaunchRequest) { r.LeaseSeconds = 26 * 3600 }},
		{"draft", "draft", "", w.Organization, func(r *machines.LaunchRequest) { r.VersionID = draft }},
		{"someone else's version", "not_found", "", other, func(*machines.LaunchRequest) {}},
		{"no such version", "not_found", "", w.Organization, func(r *machines.LaunchRequest) { r.VersionID = uuid.New() }},
		{"no such pool", "not_found", "", w.Organization, func(r *machines.LaunchRequest) { r.PoolID = uuid.New() }},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := requestFor(w)
			c.change(&r)
			_, err := w.DB.Machines.LaunchCluster(t.Context(), c.org, w.Person, r)
			if refusal := storetest.WantRefusal(t, err, c.code); c.field != "" && refusal.Fields[c.field] == "" {
				t.Errorf("no sentence for %s: %v", c.field, refusal.Fields)
			}
			q, err := w.DB.Machines.Quote(t.Context(), c.org, r)
			switch {
			case c.code == "not_found":
				storetest.WantRefusal(t, err, c.code)
			case c.field == "name":
			case q.Refusal == nil || q.Refusal.Code != c.code:
				t.Errorf("the quote says %+v", q.Refusal)
			}
			wantNothing(t, w)
		})
	}
	storetest.Must[uuid.UUID](t)(w.DB.Machines.LaunchCluster(t.Context(), w.Organization, w.Person, requestFor(w)))
	_, err := w.DB.Machines.LaunchCluster(t.Context(), w.Organization, w.Person, requestFor(w))
	storetest.WantRefusal(t, err, "duplicate")
}

// wantNothing: a refusal leaves no cluster, no node and no hold.
func wantNothing(t *testing.T, w *storetest.World) {
	t.Helper()
	var clusters, nodes, holds int
	storetest.NoError(t, w.Pool.QueryRow(t.Context(), `
		SELECT (SELECT count(*) FROM clusters), (SELECT count(*) FROM nodes), (SELECT count(*) FROM holds)`).Scan(&clusters, &nodes, &holds))
	if clusters != 0 || nodes != 0 || holds != 0 || left(t, w) != 100*billing.ComputeHour {
		t.Errorf("%d clusters, %d nodes and %d holds stayed; %s are left", clusters, nodes, holds, left(t, w))
	}
}

func TestLaunchSaysWhyThereIsNoRoom(t *testing.T) {
	w := storetest.NewWorld(t)
	w.Exec(t, `UPDATE hosts SET state = 'cordoned' WHERE id = $1`, w.Hosts[0])
	w.Exec(t, `UPDATE hosts SET missed_rounds = 3 WHERE id = $1`, w.Hosts[1])
	w.Exec(t, `UPDATE hosts SET memory_mib = 300 WHERE id = $1`, w.Hosts[2])
	r := requestFor(w)
	_, err := w.DB.Machines.LaunchCluster(t.Context(), w.Organization, w.Person, r)
	refusal := storetest.WantRefusal(t, err, "capacity")
	for _, want := range []string{"host-1: cordoned", "host-2: does not answer: it missed its last 3 rounds", "host-3: has room for 1 of them (1 vCPU, 0.25 GiB, 2 GiB of disk each)"} {
		if !strings.Contains(strings.Join(refusal.Detail, "\n"), want) {
			t.Errorf("%q is not among %q", want, refusal.Detail)
		}
	}
	w.Exec(t, `UPDATE shapes SET vcpus = 0 + 1, memory_mib = 64`)
	_, err = w.DB.Machines.LaunchCluster(t.Context(), w.Organization, w.Person, r)
	storetest.WantRefusal(t, err, "shape")
	wantNothing(t, w)
}

func TestTestShareIsKeptFree(t *testing.T) {
	w := storetest.NewWorld(t)
	w.Exec(t, `UPDATE pools SET test_vcpus = 21`)
	r := requestFor(w)
	_, err := w.DB.Machines.LaunchCluster(t.Context(), w.Organization, w.Person, r)
	if refusal := storetest.WantRefusal(t, err, "capacity"); !strings.Contains(refusal.Title, "4 vCPUs are needed, 3 of the pool's 3 for clusters are free") {
		t.Errorf("refusal %q", refusal.Title)
	}
	r.Counts = machines.Counts{"compute": 2}
	storetest.Must[uuid.UUID](t)(w.DB.Machines.LaunchCluster(t.Context(), w.Organization, w.Person, r))
}

// atOnce launches n clusters at the same time and returns how each ended: "" or the refusal's code.
func atOnce(t *testing.T, w *storetest.World, n int, r machines.LaunchRequest) map[string]int {
	t.Helper()
	var mu sync.Mutex
	ends := map[string]int{}
	var all errgroup.Group
	for i := range n {
		r := r
		r.Name = fmt.Sprintf("trial-%d", i)
		all.Go(func() error {
			_, err := w.DB.Machines.LaunchCluster(t.Context(), w.Organization, w.Person, r)
			code := ""
			if refusal, ok := refusal.As(err); ok {
				code = refusal.Code
			} else if err != nil {
				return err
			}
			mu.Lock()
			defer mu.Unlock()
			ends[code]++
			return nil
		})
	}
	storetest.NoError(t, all.Wait())
	return ends
}

func wantOneCluster(t *testing.T, w *storetest.World, held billing.Hours) {
	t.Helper()
	var clusters, nodes int
	var sum billing.Hours
	storetest.NoError(t, w.Pool.QueryRow(t.Context(), `
		SELECT (SELECT count(*) FROM clusters), (SELECT count(*) FROM nodes), (SELECT sum(held)::bigint FROM holds)`).Scan(&clusters, &nodes, &sum))
	if clusters != 1 || nodes != 4 || sum != held || left(t, w) != 100*billing.ComputeHour-held {
		t.Errorf("%d clusters, %d nodes, %s held, %s left", clusters, nodes, sum, left(t, w))
	}
}

func TestTwoLaunchesOnHoursForOne(t *testing.T) {
	w := storetest.NewWorld(t)
	r := requestFor(w)
	r.LeaseSeconds = 15 * 3600 // 60 of 100 hours
	if ends := atOnce(t, w, 2, r); ends[""] != 1 || ends["balance"] != 1 {
		t.Errorf("ends %v", ends)
	}
	wantOneCluster(t, w, 60*billing.ComputeHour)
}

func TestTwoLaunchesOnHoursForOneInTwoPools(t *testing.T) {
	w := storetest.NewWorld(t)
	second := storetest.Must[uuid.UUID](t)(w.DB.Machines.CreatePool(t.Context(), w.Person, w.Provider, machines.NewPool{
		Name: "second", Prefix: netip.MustParsePrefix("10.0.0.0/12"), Underlay: netip.MustParsePrefix("192.0.2.0/24"),
	}))
	w.Exec(t, `UPDATE hosts SET pool_id = $2 WHERE id = $1`, w.Hosts[2], second)
	w.Exec(t, `UPDATE pools SET test_vcpus = 0`)
	var both errgroup.Group
	codes := make([]string, 2)
	for i, pool := range []uuid.UUID{w.PoolID, second} {
		both.Go(func() error {
			r := requestFor(w)
			r.PoolID, r.Name, r.LeaseSeconds = pool, fmt.Sprintf("trial-%d", i), 15*3600
			_, err := w.DB.Machines.LaunchCluster(t.Context(), w.Organization, w.Person, r)
			if refusal, ok := refusal.As(err); ok {
				codes[i] = refusal.Code
				return nil
			}
			return err
		})
	}
	storetest.NoError(t, both.Wait())
	if got := codes[0] + codes[1]; got != "balance" {
		t.Errorf("codes %q", codes)
	}
	wantOneCluster(t, w, 60*billing.ComputeHour)
}

func TestLaunchesOnCapacityForOne(t *testing.T) {
	w := storetest.NewWorld(t)
	w.Exec(t, `UPDATE pools SET test_vcpus = 24 - 6`)
	if ends := atOnce(t, w, 6, requestFor(w)); ends[""] != 1 || ends["capacity"] != 5 {
		t.Errorf("ends %v", ends)
	}
	wantOneCluster(t, w, 8*billing.ComputeHour)
}

func TestLaunchesNeverShareNetworksOrPorts(t *testing.T) {
	w := storetest.NewWorld(t)
	r := requestFor(w)
	r.Counts = machines.Counts{"compute": 1}
	if ends := atOnce(t, w, 8, r); ends[""] != 8 {
		t.Errorf("ends %v", ends)
	}
	var vnis, subnets, ports int
	storetest.NoError(t, w.Pool.QueryRow(t.Context(), `
		SELECT count(DISTINCT vni), count(DISTINCT subnet), (SELECT count(DISTINCT (host_id, ssh_port)) FROM nodes WHERE role = 'head') FROM clusters`).
		Scan(&vnis, &subnets, &ports))
	if vnis != 8 || subnets != 8 || ports != 8 {
		t.Errorf("%d VNIs, %d subnets, %d ports for 8 clusters", vnis, subnets, ports)
	}
}

func TestLaunchRefusesWhereNetworksOrPortsRunOut(t *testing.T) {
	w := storetest.NewWorld(t)
	w.Exec(t, `UPDATE pools SET prefix = '10.128.0.0/27', subnet_bits = 28, ports = '[20000,20001)'`)
	r := requestFor(w)
	r.Counts = machines.Counts{"compute": 5}
	_, err := w.DB.Machines.LaunchCluster(t.Context(), w.Organization, w.Person, r)
	if refusal := storetest.WantRefusal(t, err, "invalid"); !strings.Contains(refusal.Fields["compute"], "0 to 4") {
		t.Errorf("fields %v", refusal.Fields)
	}
	r.Counts = machines.Counts{"compute": 0}
	if ends := atOnce(t, w, 3, r); ends[""] != 2 || ends["capacity"] != 1 {
		t.Errorf("ends %v", ends)
	}
}

func TestLaunchWithoutHoursOnThePool(t *testing.T) {
	w := storetest.NewWorld(t)
	other := storetest.Must[uuid.UUID](t)(w.DB.People.CreateOrganization(t.Context(), uuid.Nil, "Other"))
	model := storetest.Must[uuid.UUID](t)(w.DB.Models.CreateModelCluster(t.Context(), other, w.Person, "m"))
	r := requestFor(w)
	r.VersionID = w.Publish(t, other, model, w.AddImage(t, other, w.Person), "1")
	refused := func(want string) {
		t.Helper()
		_, err := w.DB.Machines.LaunchCluster(t.Context(), other, w.Person, r)
		refusal := storetest.WantRefusal(t, err, "balance")
		if refusal.Title != want {
			t.Errorf("refusal %q", refusal.Title)
		}
		if q := storetest.Must[machines.Quote](t)(w.DB.Machines.Quote(t.Context(), other, r)); q.Refusal == nil || q.Refusal.Title != want || q.Left != 0 {
			t.Errorf("quote %+v", q)
		}
	}
	refused("8.00 compute hours are needed, 0.00 are available.")

	elsewhere := storetest.Must[uuid.UUID](t)(w.DB.Machines.CreatePool(t.Context(), uuid.Nil, w.Provider, machines.NewPool{
		Name: "elsewhere", Prefix: netip.MustParsePrefix("10.68.0.0/14"), Underlay: netip.MustParsePrefix("192.0.2.0/24"), Storage: "local", MachineType: "q35",
	}))
	storetest.Must[uuid.UUID](t)(w.DB.Books.GrantHours(t.Context(), books.Grant{
		ProviderID: w.Provider, OrganizationID: other, Hours: 3 * billing.ComputeHour, PoolID: elsewhere, By: w.Person, Note: "for elsewhere",
	}))
	refused("8.00 compute hours are needed, 0.00 are available on this pool. 3.00 more are good on other pools alone.")
}
