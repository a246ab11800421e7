package machines_test

import (
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/provisioner/waittest"
	"volary.dev/store/books"
	"volary.dev/store/machines"
	"volary.dev/store/storetest"
)

// clocked is a World whose time is the test's.
type clocked struct {
	*storetest.World
	t     *testing.T
	clock *storetest.Clock
	now   time.Time
}

func newClocked(t *testing.T, at time.Time) *clocked {
	w := storetest.NewWorld(t)
	c := &clocked{World: w, t: t, now: at}
	w.DB, c.clock = storetest.OpenAt(t, w.Pool, at)
	return c
}

func (c *clocked) set(at time.Time) {
	c.now = at
	c.clock.Set(at)
}

func (c *clocked) pass(d time.Duration) { c.set(c.now.Add(d)) }

// launch launches a cluster of so many nodes beside its head, whose lease ends as said.
func (c *clocked) launch(name string, compute int, lease int64, terms machines.LeaseTerms) uuid.UUID {
	c.t.Helper()
	return storetest.Must[uuid.UUID](c.t)(c.DB.Machines.LaunchCluster(c.t.Context(), c.Organization, c.Person, machines.LaunchRequest{
		VersionID: c.Version, PoolID: c.PoolID, Name: name, Counts: machines.Counts{"compute": compute}, LeaseSeconds: lease, Terms: terms,
	}))
}

func (c *clocked) extend(want int) {
	c.t.Helper()
	if n := storetest.Must[int](c.t)(c.DB.Machines.ExtendLeases(c.t.Context())); n != want {
		c.t.Errorf("%s: %d leases extended themselves, want %d", c.now.Format(time.TimeOnly), n, want)
	}
}

func (c *clocked) end(want int) {
	c.t.Helper()
	if n := storetest.Must[int](c.t)(c.DB.Machines.EndLeases(c.t.Context())); n != want {
		c.t.Errorf("%s: %d ends, want %d", c.now.Format(time.TimeOnly), n, want)
	}
}

// seen has all nodes of a cluster be seen now, as if every round before had seen them, too.
func (c *clocked) seen(id uuid.UUID) {
	c.t.Helper()
	c.Exec(c.t, `UPDATE runs SET proven_at = greatest(proven_at, $2::timestamptz - interval '5 seconds') WHERE cluster_id = $1 AND closed_at IS NULL`, id, c.now)
	hosts := map[uuid.UUID][]uuid.UUID{}
	for _, n := range work(c.t, c.World, id).Nodes {
		hosts[n.Host.ID] = append(hosts[n.Host.ID], n.ID)
	}
	for host, nodes := range hosts {
		if !c.Observe(c.t, host, nodes...) {
			c.t.Fatal("a round does not count")
		}
	}
}

func (c *clocked) whole() {
	c.t.Helper()
	if report := storetest.Must[books.LedgerReport](c.t)(c.DB.Books.VerifyLedger(c.t.Context())); report.Difference != nil {
		c.t.Error(report.Difference)
	}
}

var noon = time.Date(2027, 3, 26, 12, 0, 0, 0, time.UTC)

// A lease until it is stopped is an hour ahead, each hour is set aside once, and the bill is of what ran, to the second.
func TestUntilStopped(t *testing.T) {
	c := newClocked(t, noon)
	id := c.launch("endless", 1, 0, machines.LeaseTerms{UntilStopped: true})
	if d := storetest.Cluster(t, c.World, id); d.LeaseSeconds != 7200 || d.Held != 4*billing.ComputeHour || !d.UntilStopped {
		t.Fatalf("launched %+v", d)
	}
	c.pass(10 * time.Minute)
	c.extend(0) // it has not begun
	c.Ready(t, id)
	began := c.now
	c.extend(0)
	for hour := 1; hour <= 3; hour++ {
		c.set(began.Add(time.Duration(hour)*time.Hour - time.Second))
		c.extend(0)
		c.seen(id)
		c.pass(time.Second)
		c.extend(1)
		c.extend(0)
		d := storetest.Cluster(t, c.World, id)
		if d.LeaseEndsAt.Sub(began) != time.Duration(hour+2)*time.Hour || d.LeaseSeconds != int64(hour+2)*3600 || d.Held+d.Used != billing.Hours(2*(hour+2))*billing.ComputeHour {
			t.Fatalf("after %d h: %+v", hour, d)
		}
		if _, err := c.DB.Books.SettleUsage(t.Context(), c.now); err != nil {
			t.Fatal(err)
		}
	}
	if n := storetest.Must[int](t)(c.DB.Machines.TellLeaseEnds(t.Context())); n != 0 {
		t.Errorf("told of %d ends that do not come", n)
	}
	c.set(began.Add(3*time.Hour + 17*time.Minute + 5*time.Second))
	c.seen(id)
	storetest.NoError(t, c.DB.Machines.StopCluster(t.Context(), c.Organization, c.Person, id))
	c.pass(2 * time.Second)
	c.seen(id) // its machines are not off yet
	stopped(t, c.World, id)
	const used = 2 * (3*3600 + 17*60 + 7) * 1000
	if d := storetest.Cluster(t, c.World, id); d.Used != used || d.Booked != used || d.Held != 0 || left(t, c.World) != 100*billing.ComputeHour-used || d.KeptUntil != nil {
		t.Errorf("used %d, booked %d, held %d, left %s: %+v", d.Used, d.Booked, d.Held, left(t, c.World), d)
	}
	c.extend(0)
	c.whole()
}

// Where hours do not last a lease that extends itself ends when what is set aside does. It says why, and warns as every other; hours
// that come before have it go on.
func TestUntilStoppedEndsWithTheHours(t *testing.T) {
	c := newClocked(t, noon)
	id := c.launch("endless", 8, 0, machines.LeaseTerms{UntilStopped: true}) // nine nodes: 11 hours
	c.Ready(t, id)
	began := c.now
	for hour := 1; hour <= 9; hour++ {
		c.set(began.Add(time.Duration(hour) * time.Hour))
		c.extend(1)
	}
	tell := func(want int) {
		t.Helper()
		if n := storetest.Must[int](t)(c.DB.Machines.TellLeaseEnds(t.Context())); n != want {
			t.Errorf("%s: told of %d ends, want %d", c.now.Format(time.TimeOnly), n, want)
		}
	}
	tell(0)
	c.set(began.Add(10 * time.Hour))
	c.extend(0)
	if d := storetest.Cluster(t, c.World, id); !strings.Contains(d.LeaseStays, "9.00") || !strings.Contains(d.LeaseStays, "1.00") || d.LeaseEndsAt.Sub(began) != 11*time.Hour {
		t.Errorf("stays for %q: %+v", d.LeaseStays, d)
	}
	tell(1)
	tell(0)
	storetest.Must[uuid.UUID](t)(c.DB.Books.GrantHours(t.Context(), books.Grant{ProviderID: c.Provider, OrganizationID: c.Organization, Hours: 8 * billing.ComputeHour, Note: "more"}))
	c.pass(30 * time.Second)
	c.extend(0) // tried less than a minute ago
	c.pass(31 * time.Second)
	c.extend(1)
	if d := storetest.Cluster(t, c.World, id); d.LeaseStays != "" || d.LeaseEndsAt.Sub(began) != 12*time.Hour {
		t.Errorf("with more hours %+v", d)
	}
	c.set(began.Add(11*time.Hour + 50*time.Minute))
	c.extend(0)
	tell(1) // ten minutes before
	c.seen(id)
	c.set(began.Add(12*time.Hour - time.Second))
	c.end(0)
	c.pass(time.Second)
	c.seen(id)
	c.end(1)
	c.end(0)
	stopped(t, c.World, id)
	d := storetest.Cluster(t, c.World, id)
	if d.State != provisioner.ClusterStopped || d.Reason != provisioner.ReasonLeaseEnded || !strings.Contains(d.ReasonDetail, "9.00") || d.Used != 9*12*billing.ComputeHour || left(t, c.World) != 0 ||
		d.KeptUntil == nil || d.KeptUntil.Sub(c.now) != 24*time.Hour {
		t.Errorf("ended %+v, %s left", d, left(t, c.World))
	}
	c.whole()
}

// Whom nothing is sold to, and what the pool gives no longer, is not extended; each says why.
func TestUntilStoppedIsNotForEver(t *testing.T) {
	c := newClocked(t, noon)
	id := c.launch("endless", 0, 0, machines.LeaseTerms{UntilStopped: true})
	c.Ready(t, id)
	for why, change := range map[string][2]string{
		"suspended":           {`UPDATE organizations SET suspended_at = now(), suspended_reason = 'unpaid'`, `UPDATE organizations SET suspended_at = NULL, suspended_reason = ''`},
		"sells no hours":      {`UPDATE providers SET state = 'suspended', state_reason = 'unpaid'`, `UPDATE providers SET state = 'active', state_reason = ''`},
		"being emptied":       {`UPDATE hosts SET state = 'draining'`, `UPDATE hosts SET state = 'active'`},
		"leases of 2 h":       {`UPDATE pools SET max_lease_hours = 2`, `UPDATE pools SET max_lease_hours = 720`},
		"of your cap of 2.00": {`UPDATE memberships SET role = 'member', cap = 7200000, cap_since = '2026-01-01'`, `UPDATE memberships SET role = 'owner'`},
	} {
		c.Exec(t, change[0])
		c.pass(time.Hour + time.Minute)
		c.extend(0)
		if d := storetest.Cluster(t, c.World, id); !strings.Contains(d.LeaseStays, why) || d.LeaseSeconds != 7200 || d.Held != 2*billing.ComputeHour {
			t.Errorf("%s: stays for %q: %+v", why, d.LeaseStays, d)
		}
		c.Exec(t, change[1])
		c.set(noon)
		c.Exec(t, `UPDATE clusters SET lease_tried_at = NULL`)
	}
	// The last hours are as many as the pool gives.
	c.Exec(t, `UPDATE pools SET max_lease_hours = 3`)
	c.pass(2 * time.Hour)
	c.extend(1)
	if d := storetest.Cluster(t, c.World, id); d.LeaseSeconds != 3*3600 || d.Held != 3*billing.ComputeHour {
		t.Errorf("at the pool's longest lease %+v", d)
	}
}

// Whatever the order in which workers look, and however long nobody did: what was set aside is what the lease takes, no more, and the
// end is that much after its beginning.
func TestEachHourIsSetAsideOnce(t *testing.T) {
	c := newClocked(t, noon)
	seed := rand.Uint64()
	r := rand.New(rand.NewPCG(seed, 1))
	t.Logf("seed %d", seed)
	id := c.launch("endless", 0, 0, machines.LeaseTerms{UntilStopped: true})
	c.Ready(t, id)
	began := c.now
	for range 25 {
		c.pass(time.Duration(r.IntN(3*3600)) * time.Second)
		away := c.now.After(*storetest.Cluster(t, c.World, id).LeaseEndsAt)
		var crowd sync.WaitGroup
		for range 1 + r.IntN(4) {
			end := r.IntN(2) == 0
			crowd.Go(func() {
				look := c.DB.Machines.ExtendLeases
				if end {
					look = c.DB.Machines.EndLeases
				}
				if _, err := look(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		crowd.Wait()
		d := storetest.Cluster(t, c.World, id)
		var added int64
		storetest.NoError(t, c.Pool.QueryRow(t.Context(), `SELECT coalesce(sum((detail->>'add_seconds')::bigint), 0) FROM audit WHERE verb = 'extend lease'`).Scan(&added))
		if d.Desired != provisioner.DesiredRunning || d.Held != billing.Hours(d.LeaseSeconds)*1000 || d.LeaseEndsAt.Sub(began) != time.Duration(d.LeaseSeconds)*time.Second ||
			added != d.LeaseSeconds-7200 || d.LeaseEndsAt.Sub(c.now) > 2*time.Hour {
			t.Fatalf("at %s (away %t): added %d, %+v", c.now, away, added, d)
		}
	}
	c.whole()
}

// A worker that was away over an end looks at what holds now: one that extends itself goes on, one that was started again meanwhile
// is left alone, and one that it stops late keeps its disks as long as was promised.
func TestLateWorkersLookAtWhatHoldsNow(t *testing.T) {
	c := newClocked(t, noon)
	endless, kept := c.launch("endless", 0, 0, machines.LeaseTerms{UntilStopped: true}), c.launch("kept", 0, 3600, machines.LeaseTerms{KeepDays: 2})
	c.Ready(t, endless)
	c.Ready(t, kept)
	c.pass(5*time.Hour + 10*time.Minute)
	c.end(2) // one is extended, the other stopped
	c.extend(1)
	if d := storetest.Cluster(t, c.World, endless); d.Desired != provisioner.DesiredRunning || d.LeaseEndsAt.Sub(noon) != 7*time.Hour || d.Held != 7*billing.ComputeHour {
		t.Errorf("extends itself late: %+v", d)
	}
	storetest.NoError(t, c.DB.Machines.DeleteCluster(t.Context(), c.Organization, c.Person, endless))
	stopped(t, c.World, kept)
	d := storetest.Cluster(t, c.World, kept)
	if d.KeptUntil == nil || d.KeptUntil.Sub(c.now) != 48*time.Hour {
		t.Errorf("kept until %v", d.KeptUntil)
	}
	before := work(t, c.World, kept).Nodes
	c.pass(47 * time.Hour)
	c.end(0)
	storetest.NoError(t, c.DB.Machines.StartCluster(t.Context(), c.Organization, c.Person, kept, 10*3600))
	c.pass(5 * time.Hour) // its gate was slow, and no worker looked when its disks were to be deleted
	c.end(0)
	c.Ready(t, kept)
	c.end(0)
	for i, n := range work(t, c.World, kept).Nodes {
		if was := before[i]; n.ID != was.ID || n.Name != was.Name || n.Address != was.Address || n.MAC.String() != was.MAC.String() || n.Host.ID != was.Host.ID {
			t.Errorf("node %+v was %+v", n, was)
		}
	}
	if d := storetest.Cluster(t, c.World, kept); d.KeptUntil != nil || d.KeepDays != 2 || d.LeaseEndsAt.Sub(c.now) != 10*time.Hour {
		t.Errorf("started again %+v", d)
	}
	c.pass(11 * time.Hour)
	c.end(1)
	stopped(t, c.World, kept)
	c.pass(48*time.Hour - time.Second)
	c.end(0)
	c.pass(time.Second)
	c.end(1)
	if d := storetest.Cluster(t, c.World, kept); d.Desired != provisioner.DesiredGone || d.Reason != provisioner.ReasonLeaseEnded || d.KeptUntil != nil {
		t.Errorf("after its days %+v", d)
	}
}

// A worker that found an end due, and waited for the cluster while somebody moved it, does nothing.
func TestAnEndThatMovesMeanwhile(t *testing.T) {
	w := storetest.NewWorld(t)
	id := w.Launch(t, "trial-1", 0)
	w.Ready(t, id)
	for what, c := range map[string][2]string{
		"extended":      {`UPDATE clusters SET lease_ends_at = now()`, `UPDATE clusters SET lease_ends_at = now() + interval '1 hour'`},
		"started again": {`UPDATE nodes SET desired = 'stopped'; UPDATE clusters SET desired = 'stopped', kept_until = now()`, `UPDATE clusters SET desired = 'running', kept_until = NULL, lease_ends_at = NULL`},
	} {
		w.Exec(t, c[0])
		tx := storetest.Must[pgx.Tx](t)(w.Pool.Begin(t.Context()))
		storetest.Must[pgconn.CommandTag](t)(tx.Exec(t.Context(), c[1]))
		ended := make(chan int, 1)
		go func() { ended <- storetest.Must[int](t)(w.DB.Machines.EndLeases(t.Context())) }()
		waittest.Until(t, "a wait for the cluster", func() bool {
			var waits bool
			storetest.NoError(t, w.Pool.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')`).Scan(&waits))
			return waits
		})
		storetest.NoError(t, tx.Commit(t.Context()))
		if n, _ := waittest.Receive(t, "the look at ends", ended); n != 0 {
			t.Errorf("%s: %d ends", what, n)
		}
		if d := storetest.Cluster(t, w, id); d.Desired != provisioner.DesiredRunning {
			t.Errorf("%s: it is to be %s", what, d.Desired)
		}
	}
}
