package machines_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgconn"
	"golang.org/x/sync/errgroup"
	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/books"
	"volary.dev/store/machines"
	"volary.dev/store/storetest"
)

// scaled scales the World's cluster as its owner does.
func scaled(t *testing.T, w *storetest.World, id uuid.UUID, count int, nodes ...uuid.UUID) (machines.Scaled, error) {
	t.Helper()
	return w.DB.Machines.ScaleCluster(t.Context(), w.Organization, w.Person, id, machines.ScaleRequest{Group: "compute", Count: count, Nodes: nodes})
}

// readyBatch makes the nodes ready that are on their way up, as a worker does.
func readyBatch(t *testing.T, w *storetest.World, id uuid.UUID) {
	t.Helper()
	now := work(t, w, id)
	evidence := map[uuid.UUID]machines.Evidence{}
	for _, n := range now.Nodes {
		if n.Desired == provisioner.DesiredRunning && n.State == provisioner.NodeReserved {
			evidence[n.ID] = machines.Evidence{StartID: storetest.StartID(n.ID), Kind: "address"}
		}
	}
	if !storetest.Must[bool](t)(w.DB.Machines.MarkNodesReady(t.Context(), id, now.Generation, evidence)) {
		t.Fatal("not marked ready")
	}
}

// named gives the ids of nodes that are not gone.
func named(t *testing.T, w *storetest.World, id uuid.UUID, names ...string) (ids []uuid.UUID) {
	t.Helper()
	for _, n := range work(t, w, id).Nodes {
		if slices.Contains(names, n.Name) {
			ids = append(ids, n.ID)
		}
	}
	return ids
}

func nodeNames(w machines.ClusterWork) (names []string) {
	for _, n := range w.Nodes {
		names = append(names, n.Name)
	}
	return names
}

// heldFor is what a cluster holds that is not used.
func heldFor(t *testing.T, w *storetest.World, id uuid.UUID) billing.Hours {
	t.Helper()
	return storetest.Cluster(t, w, id).Held
}

func wantVerified(t *testing.T, w *storetest.World) {
	t.Helper()
	if report := storetest.Must[books.LedgerReport](t)(w.DB.Books.VerifyLedger(t.Context())); report.Difference != nil {
		t.Error(report.Difference)
	}
}

func TestScaleUp(t *testing.T) {
	w := storetest.NewWorld(t)
	id := w.Launch(t, "one", 3)
	w.Ready(t, id)
	before, held := work(t, w, id), heldFor(t, w, id)
	done, err := scaled(t, w, id, 5)
	storetest.NoError(t, err)
	if !slices.Equal(done.Added, []string{"compute-004", "compute-005"}) || done.Drains || len(done.Leaving) > 0 {
		t.Errorf("scaled %+v", done)
	}
	after := work(t, w, id)
	if after.NetworkGeneration <= before.NetworkGeneration || after.Generation <= before.Generation || len(after.Batches) != 1 || after.Batches[0].Kind != provisioner.BatchScale {
		t.Errorf("after it networks %d, batches %+v", after.NetworkGeneration, after.Batches)
	}
	hosts := map[uuid.UUID]int{}
	for i, n := range after.Nodes {
		if hosts[n.Host.ID]++; i > 0 && n.Address.As4()[3] != byte(10+i) {
			t.Errorf("%s has %s", n.Name, n.Address)
		}
		if n.ImageDigest != storetest.Digest || n.SSHPort != 0 && i > 0 || i > 3 != (n.State == provisioner.NodeReserved) {
			t.Errorf("%+v", n)
		}
	}
	if len(hosts) != 3 || slices.Max([]int{hosts[w.Hosts[0]], hosts[w.Hosts[1]], hosts[w.Hosts[2]]}) != 2 {
		t.Errorf("six nodes are spread as %v", hosts)
	}
	d := storetest.Cluster(t, w, id)
	if d.State != provisioner.ClusterReady || d.Held-held != done.Held || done.Held > 2*billing.ComputeHour || done.Held < 2*billing.ComputeHour-20_000 {
		t.Errorf("%s, held %s after %s, for the new ones %s", d.State, d.Held, held, done.Held)
	}
	if b := d.Scaling.Batch; b == nil || b.Nodes != 2 || b.Group != "compute" || b.EndedAt != nil || b.Held != done.Held {
		t.Errorf("the page is told %+v", b)
	}
	readyBatch(t, w, id)
	// Of every node the same is set aside now: from its gate to the lease's end.
	var right int
	storetest.NoError(t, w.Pool.QueryRow(t.Context(), `
		SELECT count(*) FROM runs r JOIN nodes n ON n.id = r.node_id JOIN clusters c ON c.id = r.cluster_id
		WHERE r.started_at = date_trunc('second', n.ready_at) AND r.ends_by = date_trunc('second', c.lease_ends_at)`).Scan(&right))
	var set int64
	storetest.NoError(t, w.Pool.QueryRow(t.Context(), `SELECT sum(rate * extract(epoch FROM ends_by - started_at)::bigint) FROM runs`).Scan(&set))
	if d := storetest.Cluster(t, w, id); right != 6 || d.ReadyNodes != 6 || d.RatePerHour != 6*billing.ComputeHour || int64(d.Held+d.Used) != set || d.Scaling.Batch != nil {
		t.Errorf("%d right runs, %d of %+v; runs may take %d", right, d.ReadyNodes, d.ClusterRow, set)
	}
	wantVerified(t, w)
}

func TestScaleDown(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	id := w.Launch(t, "one", 4)
	w.Ready(t, id)
	done, err := scaled(t, w, id, 3)
	storetest.NoError(t, err)
	if !slices.Equal(done.Leaving, []string{"compute-004"}) || done.Drains {
		t.Errorf("the newest: %+v", done)
	}
	done, err = scaled(t, w, id, 2, named(t, w, id, "compute-002")...)
	storetest.NoError(t, err)
	if !slices.Equal(done.Leaving, []string{"compute-002"}) {
		t.Errorf("by name: %+v", done)
	}
	for _, n := range work(t, w, id).Nodes {
		leaves := n.Name == "compute-002" || n.Name == "compute-004"
		if leaves != (n.Desired == provisioner.DesiredGone) || leaves != (n.State == provisioner.NodeStopping) {
			t.Errorf("%s is %s, to be %s", n.Name, n.State, n.Desired)
		}
	}
	if d := storetest.Cluster(t, w, id); d.State != provisioner.ClusterReady || d.Held != 5*billing.ComputeHour-d.Used || !slices.ContainsFunc(d.NodeRows, func(n machines.NodeRow) bool { return n.Going }) {
		t.Errorf("before their machines are off: %s, %s held", d.State, d.Held)
	}
	runs, _ := openRuns(t, w, id)
	storetest.NoError(t, w.DB.Machines.MarkNodesGone(ctx, id, named(t, w, id, "compute-002", "compute-004")...))
	if left, _ := openRuns(t, w, id); left != runs-2 {
		t.Errorf("%d runs are open, %d before", left, runs)
	}
	if d := storetest.Cluster(t, w, id); d.Held+d.Used != 3*billing.ComputeHour || left(t, w) != 97*billing.ComputeHour || d.Nodes != 3 || d.RatePerHour != 3*billing.ComputeHour {
		t.Errorf("after: %+v, %s left", d.ClusterRow, left(t, w))
	}
	// The lowest free names come back, with addresses that nobody had.
	if done, err = scaled(t, w, id, 4); err != nil || !slices.Equal(done.Added, []string{"compute-002", "compute-004"}) {
		t.Fatalf("%+v, %v", done, err)
	}
	for _, n := range work(t, w, id).Nodes {
		if n.State == provisioner.NodeReserved && n.Address.As4()[3] < 15 {
			t.Errorf("%s has the address %s of one that is gone", n.Name, n.Address)
		}
	}
	wantVerified(t, w)
}

func TestScaleRefusals(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	id := w.Launch(t, "one", 2)
	refused := func(code string, count int, says string, nodes ...uuid.UUID) {
		t.Helper()
		_, err := scaled(t, w, id, count, nodes...)
		r := storetest.WantRefusal(t, err, code)
		text := r.Title + strings.Join(r.Detail, " ")
		for _, field := range r.Fields {
			text += field
		}
		if !strings.Contains(text, says) || r.Next == "" {
			t.Errorf("to %d: %q, next %q, want %q", count, text, r.Next, says)
		}
	}
	refused("state", 3, "cannot be scaled: it is waiting")
	w.Ready(t, id)
	before := storetest.Cluster(t, w, id)
	refused("invalid", 9, "Choose 0 to 8 compute nodes; 9 was given.")
	refused("invalid", -1, "Choose 0 to 8 compute nodes; -1 was given.")
	refused("invalid", 2, "2 nodes of compute already")
	refused("invalid", 0, "choose 2 to go, or none for the newest; 1 is chosen", named(t, w, id, "compute-001")...)
	refused("invalid", 1, "only 0 run", named(t, w, id, "head")...)
	refused("invalid", 3, "asks for more than the 2", named(t, w, id, "compute-001")...)
	_, err := w.DB.Machines.ScaleCluster(ctx, w.Organization, w.Person, id, machines.ScaleRequest{Group: "gpu", Count: 1})
	storetest.WantRefusal(t, err, "invalid")
	_, err = w.DB.Machines.ScaleCluster(ctx, uuid.New(), w.Person, id, machines.ScaleRequest{Group: "compute", Count: 1})
	storetest.WantRefusal(t, err, "not_found")

	// Room: two vCPUs are left on the hosts that take nodes; then hours; then time.
	w.Exec(t, `UPDATE hosts SET vcpus = 4`)
	w.Exec(t, `UPDATE pools SET test_vcpus = 7`)
	refused("capacity", 5, "no room for 3 nodes of compute more now: 2 would fit")
	w.Exec(t, `UPDATE pools SET test_vcpus = 0`)
	w.Exec(t, `UPDATE hosts SET state = 'cordoned'`)
	refused("capacity", 3, "not one would fit")
	w.Exec(t, `UPDATE hosts SET state = 'active'`)
	w.Exec(t, `UPDATE clusters SET lease_ends_at = now() + interval '100 hours' WHERE id = $1`, id)
	refused("balance", 5, "97")
	w.Exec(t, `UPDATE clusters SET lease_ends_at = now() + interval '100 seconds' WHERE id = $1`, id)
	refused("state", 3, "may take 2 min to become ready")
	w.Exec(t, `UPDATE clusters SET lease_ends_at = now() WHERE id = $1`, id)
	refused("state", 3, "ended at")
	w.Exec(t, `UPDATE clusters SET lease_ends_at = $2 WHERE id = $1`, id, before.LeaseEndsAt)
	storetest.NoError(t, w.DB.People.SuspendProvider(ctx, w.Person, w.Provider, "an open invoice"))
	refused("provider", 3, "adds no nodes")
	storetest.NoError(t, w.DB.People.LiftProvider(ctx, w.Person, w.Provider))
	w.Exec(t, `UPDATE organizations SET suspended_at = now(), suspended_reason = 'unpaid'`)
	refused("suspended", 3, "")
	w.Exec(t, `UPDATE organizations SET suspended_at = NULL, suspended_reason = ''`)
	if after := storetest.Cluster(t, w, id); after.Held != before.Held || len(after.NodeRows) != 3 || after.Scaling != (machines.Scaling{}) {
		t.Errorf("refused scales left %+v", after)
	}
	_, err = scaled(t, w, id, 3)
	storetest.NoError(t, err)
	refused("state", 4, "is being scaled already: 1 node is on the way up")
	storetest.NoError(t, w.DB.Machines.StopCluster(ctx, w.Organization, w.Person, id))
	refused("state", 4, "cannot be scaled: it is stopping")
}

func TestScalesKeepToCaps(t *testing.T) {
	w := storetest.NewWorld(t)
	bo, cy := storetest.Member(t, w, "bo@example.org"), storetest.Member(t, w, "cy@example.org")
	storetest.SetCap(t, w, bo, 3)
	storetest.SetCap(t, w, cy, 50)
	id := storetest.Must[uuid.UUID](t)(w.DB.Machines.LaunchCluster(t.Context(), w.Organization, bo, storetest.OneHour(w, "mine", 1)))
	w.Ready(t, id)
	to := func(by uuid.UUID, count int) error {
		_, err := w.DB.Machines.ScaleCluster(t.Context(), w.Organization, by, id, machines.ScaleRequest{Group: "compute", Count: count})
		return err
	}
	storetest.WantRefusal(t, to(bo, 3), "cap")
	storetest.WantRefusal(t, to(cy, 2), "cap") // it is not theirs
	storetest.NoError(t, to(bo, 2))
	readyBatch(t, w, id)
	storetest.NoError(t, to(cy, 1)) // what takes no hours is no cap's
}

// Of what comes at the same instant one scale is done, or the cluster goes with all of its nodes.
func TestScalesAtOnce(t *testing.T) {
	for name, other := range map[string]func(*storetest.World, uuid.UUID) error{
		"another scale": func(w *storetest.World, id uuid.UUID) error {
			_, err := w.DB.Machines.ScaleCluster(t.Context(), w.Organization, w.Person, id, machines.ScaleRequest{Group: "compute", Count: 3})
			return err
		},
		"delete": func(w *storetest.World, id uuid.UUID) error {
			return w.DB.Machines.DeleteCluster(t.Context(), w.Organization, w.Person, id)
		},
		"stop": func(w *storetest.World, id uuid.UUID) error {
			return w.DB.Machines.StopCluster(t.Context(), w.Organization, w.Person, id)
		},
		"lease end": func(w *storetest.World, _ uuid.UUID) error {
			_, err := w.DB.Machines.EndLeases(t.Context())
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := storetest.NewWorld(t)
			for round := range 5 {
				id := w.Launch(t, "one-"+string(rune('a'+round)), 2)
				w.Ready(t, id)
				if name == "lease end" {
					w.Exec(t, `UPDATE clusters SET lease_ends_at = now() WHERE id = $1`, id)
				}
				var first, second error
				var all errgroup.Group
				all.Go(func() error { _, first = scaled(t, w, id, 3); return nil })
				all.Go(func() error { second = other(w, id); return nil })
				_ = all.Wait()
				for _, err := range []error{first, second} {
					if _, ok := refusal.As(err); err != nil && !ok {
						t.Fatal(err)
					}
				}
				d := work(t, w, id)
				switch {
				case name == "another scale" && ((first == nil) == (second == nil) || len(d.Nodes) != 4):
					t.Errorf("%v and %v with %v", first, second, nodeNames(d))
				case name != "another scale" && (second != nil || slices.ContainsFunc(d.Nodes, func(n machines.NodeWork) bool { return n.Desired == provisioner.DesiredRunning }) || len(d.Batches) > 0):
					t.Errorf("%v and %v: the cluster is to be %s, with %+v", first, second, d.Desired, d.Batches)
				}
				storetest.NoError(t, w.DB.Machines.DeleteCluster(t.Context(), w.Organization, w.Person, id))
				storetest.NoError(t, w.DB.Machines.MarkNodesGone(t.Context(), id))
				if h := heldFor(t, w, id); h != 0 {
					t.Errorf("%s are held for what is gone", h)
				}
			}
			wantVerified(t, w)
		})
	}
}

// What is wanted of a cluster bounds what is wanted of its nodes, whoever writes it.
func TestNoNodeStaysInAClusterThatGoes(t *testing.T) {
	w := storetest.NewWorld(t)
	id := w.Launch(t, "one", 1)
	w.Ready(t, id)
	for _, sql := range []string{
		`UPDATE clusters SET desired = 'gone' WHERE id = $1`, `UPDATE clusters SET desired = 'stopped' WHERE id = $1`,
	} {
		if _, err := w.Pool.Exec(t.Context(), sql, id); !refusedByCheck(err) {
			t.Errorf("%s: %v", sql, err)
		}
	}
	storetest.NoError(t, w.DB.Machines.DeleteCluster(t.Context(), w.Organization, w.Person, id))
	if _, err := w.Pool.Exec(t.Context(), `UPDATE nodes SET desired = 'stopped' WHERE cluster_id = $1`, id); !refusedByCheck(err) {
		t.Errorf("a node of a cluster that goes is wanted: %v", err)
	}
}

func refusedByCheck(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.Code == "23514"
}

// A cluster that grew is stopped and started as it is then.
func TestStopAndStartOfAScaledCluster(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	id := w.Launch(t, "one", 2)
	w.Ready(t, id)
	_, err := scaled(t, w, id, 1, named(t, w, id, "compute-001")...)
	storetest.NoError(t, err)
	storetest.NoError(t, w.DB.Machines.MarkNodesGone(ctx, id, named(t, w, id, "compute-001")...))
	_, err = scaled(t, w, id, 3)
	storetest.NoError(t, err)
	readyBatch(t, w, id)
	storetest.NoError(t, w.DB.Machines.StopCluster(ctx, w.Organization, w.Person, id))
	stopped(t, w, id)
	storetest.NoError(t, w.DB.Machines.StartCluster(ctx, w.Organization, w.Person, id, 3600))
	if d := storetest.Cluster(t, w, id); d.Held != 4*billing.ComputeHour {
		t.Errorf("%s are set aside for four nodes", d.Held)
	}
	w.Ready(t, id)
	if got := nodeNames(work(t, w, id)); !slices.Equal(got, []string{"head", "compute-001", "compute-002", "compute-003"}) {
		t.Errorf("started with %v", got)
	}
	wantVerified(t, w)
}
