package machines_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"
	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/books"
	"volary.dev/store/machines"
	"volary.dev/store/storetest"
)

// crowd is members, workers and hosts that all act at once on one World, with errors where there must be none.
type crowd struct {
	*storetest.World
	ctx    context.Context
	rounds int
}

// members launches clusters and stops, starts, extends and deletes whatever there is.
func (c *crowd) members(n uint64) error {
	r := rand.New(rand.NewPCG(n, 1))
	for i := range c.rounds {
		_, err := c.DB.Machines.LaunchCluster(c.ctx, c.Organization, c.Person, machines.LaunchRequest{
			VersionID: c.Version, PoolID: c.PoolID, Name: fmt.Sprintf("c-%d-%d", n, i), Counts: machines.Counts{"compute": r.IntN(5)}, LeaseSeconds: 3600,
		})
		if err := notRefused(err); err != nil {
			return err
		}
		list, err := c.DB.Machines.Clusters(c.ctx, c.Organization, machines.ClusterFilter{})
		if err != nil || len(list) == 0 {
			return err
		}
		id := list[r.IntN(len(list))].ID
		switch r.IntN(5) {
		case 0:
			err = c.DB.Machines.StopCluster(c.ctx, c.Organization, c.Person, id)
		case 1:
			err = c.DB.Machines.StartCluster(c.ctx, c.Organization, c.Person, id, 3600)
		case 2:
			err = c.DB.Machines.ExtendLease(c.ctx, c.Organization, c.Person, id, 60)
		case 3:
			_, err = c.DB.Machines.ScaleCluster(c.ctx, c.Organization, c.Person, id, machines.ScaleRequest{Group: "compute", Count: r.IntN(6)})
		default:
			err = c.DB.Machines.DeleteCluster(c.ctx, c.Organization, c.Person, id)
		}
		if err := notRefused(err); err != nil {
			return err
		}
	}
	return nil
}

func notRefused(err error) error {
	if _, refused := refusal.As(err); refused {
		return nil
	}
	return err
}

// reconcile brings what it can claim to what is wanted, as far as the database goes, and now and then fails a start.
func (c *crowd) reconcile(worker string, fail bool) (int, error) {
	ids, err := c.DB.Machines.ClaimClusters(c.ctx, worker, 3, time.Minute)
	if err != nil {
		return 0, err
	}
	for i, id := range ids {
		w, err := c.DB.Machines.ClusterForReconcile(c.ctx, id)
		if err != nil {
			return 0, err
		}
		if err := c.act(w, fail && i == 0); err != nil {
			return 0, err
		}
		if err := c.DB.Machines.ReleaseClaim(c.ctx, id, worker, w.Generation, 0); err != nil {
			return 0, err
		}
	}
	return len(ids), nil
}

func (c *crowd) act(w machines.ClusterWork, fail bool) (err error) {
	pending, batch, going := map[uuid.UUID]machines.Evidence{}, uuid.Nil, []uuid.UUID{}
	for _, n := range w.Nodes {
		switch {
		case n.Desired == provisioner.DesiredGone:
			going = append(going, n.ID)
		case n.State == provisioner.NodeReserved:
			pending[n.ID], batch = machines.Evidence{StartID: storetest.StartID(n.ID), Kind: "address"}, n.Batch
		}
	}
	switch {
	case w.Desired == provisioner.DesiredGone:
		return c.DB.Machines.MarkNodesGone(c.ctx, w.ID)
	case w.Desired == provisioner.DesiredStopped:
		_, err = c.DB.Machines.MarkNodesStopped(c.ctx, w.ID, w.Generation)
	case len(going) > 0:
		return c.DB.Machines.MarkNodesGone(c.ctx, w.ID, going...)
	case fail && batch != uuid.Nil:
		return c.DB.Machines.FailBatch(c.ctx, w.ID, w.Generation, batch, provisioner.ReasonHostRefused, "no")
	case len(pending) > 0:
		_, err = c.DB.Machines.MarkNodesReady(c.ctx, w.ID, w.Generation, pending)
	}
	return err
}

// observe tells of a host that most machines run, and sometimes that it does not answer.
func (c *crowd) observe(host uuid.UUID, n uint64) error {
	r := rand.New(rand.NewPCG(n, 2))
	for i := range 3 * c.rounds {
		if _, err := c.DB.Machines.ClaimHosts(c.ctx, "observer", time.Minute); err != nil {
			return err
		}
		start, err := c.DB.Machines.StartRound(c.ctx, host)
		if err != nil {
			return err
		}
		start = start.Add(time.Duration(i) * 4 * time.Second) // as if rounds lay apart, so that runs have seconds
		if r.IntN(4) == 0 {
			if err := c.DB.Machines.RecordMissedRound(c.ctx, host, "observer", "timeout"); err != nil {
				return err
			}
			continue
		}
		nodes, _, err := c.DB.Machines.LiveNodes(c.ctx, host)
		if err != nil {
			return err
		}
		var o provisioner.Observation
		for _, id := range nodes {
			if r.IntN(10) > 0 {
				o.Nodes = append(o.Nodes, provisioner.NodeObservation{ID: id, State: provisioner.MachineRunning, StartID: storetest.StartID(id)})
			}
		}
		if _, err := c.DB.Machines.RecordRound(c.ctx, host, "observer", start, o); err != nil {
			return err
		}
	}
	return nil
}

func TestMembersWorkersAndHostsAtOnce(t *testing.T) {
	w := storetest.NewWorld(t)
	w.Exec(t, `UPDATE hosts SET vcpus = 1000, memory_mib = 1000000, disk_gib = 100000`)
	all, ctx := errgroup.WithContext(t.Context())
	c := &crowd{World: w, ctx: ctx, rounds: 12}
	for n := range uint64(2) {
		all.Go(func() error { return c.members(n) })
	}
	for i, host := range w.Hosts {
		all.Go(func() error { return c.observe(host, uint64(i)) })
	}
	for _, worker := range []string{"w1", "w2"} {
		all.Go(func() error {
			for i := range 3 * c.rounds {
				if _, err := c.reconcile(worker, i%5 == 0); err != nil {
					return err
				}
			}
			return nil
		})
	}
	all.Go(func() error {
		for range c.rounds {
			if _, err := c.DB.Machines.EndLeases(ctx); err != nil {
				return err
			}
			if _, err := c.DB.Books.SettleUsage(ctx, time.Now().Add(time.Hour)); err != nil {
				return err
			}
		}
		return nil
	})
	storetest.NoError(t, all.Wait())
	c.ctx = t.Context()
	c.wantNothingLeft(t)
}

// wantNothingLeft deletes every cluster and then finds no hold, no network, no open run, and a ledger that adds up.
func (c *crowd) wantNothingLeft(t *testing.T) {
	t.Helper()
	for _, row := range storetest.Must[[]machines.ClusterRow](t)(c.DB.Machines.Clusters(c.ctx, c.Organization, machines.ClusterFilter{})) {
		storetest.NoError(t, c.DB.Machines.DeleteCluster(c.ctx, c.Organization, c.Person, row.ID))
	}
	for storetest.Must[int](t)(c.reconcile("last", false)) > 0 {
	}
	if list := storetest.Must[[]machines.ClusterRow](t)(c.DB.Machines.Clusters(c.ctx, c.Organization, machines.ClusterFilter{})); len(list) != 0 {
		t.Errorf("clusters %+v are left", list)
	}
	var gone, held, runs, networks, used int64
	storetest.NoError(t, c.Pool.QueryRow(c.ctx, `
		SELECT (SELECT count(*) FROM clusters WHERE ended_at IS NOT NULL), (SELECT coalesce(sum(held), 0)::bigint FROM holds),
			(SELECT count(*) FROM runs WHERE closed_at IS NULL), (SELECT count(vni) + count(subnet) FROM clusters),
			(SELECT coalesce(sum(extract(epoch FROM ended_at - started_at)::bigint * rate), 0)::bigint FROM runs)`).
		Scan(&gone, &held, &runs, &networks, &used))
	if gone == 0 || held != 0 || runs != 0 || networks != 0 || left(t, c.World) != 100*billing.ComputeHour-billing.Hours(used) {
		t.Errorf("%d gone; %d held, %d runs open, %d networks taken, %d used, %d left", gone, held, runs, networks, used, left(t, c.World))
	}
	report := storetest.Must[books.LedgerReport](t)(c.DB.Books.VerifyLedger(c.ctx))
	if report.Difference != nil {
		t.Error(report.Difference)
	}
	t.Logf("%d clusters, %d entries, %d runs, %d mcs used", gone, report.Entries, report.Runs, used)
}
