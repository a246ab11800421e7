package machines_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/store/books"
	"volary.dev/store/storetest"
)

func TestExtendLease(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	id := w.Launch(t, "trial-1", 3) // four nodes, 1 compute hour an hour each
	storetest.NoError(t, w.DB.Machines.ExtendLease(ctx, w.Organization, w.Person, id, 1800))
	if d := storetest.Cluster(t, w, id); d.LeaseSeconds != 5400 || d.LeaseEndsAt != nil || d.Held != 6*billing.ComputeHour {
		t.Errorf("extended before READY: %+v", d)
	}
	w.Ready(t, id)
	before := storetest.Cluster(t, w, id)
	storetest.NoError(t, w.DB.Machines.ExtendLease(ctx, w.Organization, w.Person, id, 3600))
	d := storetest.Cluster(t, w, id)
	if d.LeaseEndsAt.Sub(*before.LeaseEndsAt) != time.Hour || d.LeaseSeconds != 9000 || d.Held != 10*billing.ComputeHour || left(t, w) != 90*billing.ComputeHour {
		t.Errorf("extended after READY: %+v, %s left", d, left(t, w))
	}
	var runs, right int
	storetest.NoError(t, w.Pool.QueryRow(ctx, `
		SELECT count(*), count(*) FILTER (WHERE r.ends_by = date_trunc('second', c.lease_ends_at) AND r.ends_by = r.started_at + interval '9000 seconds')
		FROM runs r JOIN clusters c ON c.id = r.cluster_id`).Scan(&runs, &right))
	if runs != 4 || right != 4 {
		t.Errorf("%d of %d runs end with the lease", right, runs)
	}
	// What comes back in the end is all that was not used.
	storetest.NoError(t, w.DB.Machines.DeleteCluster(ctx, w.Organization, w.Person, id))
	storetest.NoError(t, w.DB.Machines.MarkNodesGone(ctx, id))
	if d := storetest.Cluster(t, w, id); d.Held != 0 || left(t, w) != 100*billing.ComputeHour-d.Used {
		t.Errorf("gone cluster %+v, %s left", d, left(t, w))
	}
	if report := storetest.Must[books.LedgerReport](t)(w.DB.Books.VerifyLedger(ctx)); report.Difference != nil {
		t.Error(report.Difference)
	}
}

func TestExtendLeaseRefusals(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	id := w.Launch(t, "trial-1", 3)
	w.Ready(t, id)
	before := storetest.Cluster(t, w, id)
	extend := func(seconds int64) error {
		return w.DB.Machines.ExtendLease(ctx, w.Organization, w.Person, id, seconds)
	}
	for _, add := range []int64{0, -3600, 59, 720 * 3600, 1 << 62} {
		if r := storetest.WantRefusal(t, extend(add), "invalid"); !strings.Contains(r.Fields["lease"], "720 h at most: extend it by 1 min to 719 h; ") {
			t.Errorf("%d: %v", add, r.Fields)
		}
	}
	if r := storetest.WantRefusal(t, extend(25*3600), "balance"); !strings.Contains(r.Title, "100") || !strings.Contains(r.Title, "96") {
		t.Errorf("refused with %q, no numbers", r.Title)
	}
	storetest.NoError(t, w.DB.Machines.DrainHost(ctx, w.Person, w.Provider, w.Hosts[0], ""))
	storetest.WantRefusal(t, extend(3600), "state")
	storetest.NoError(t, w.DB.Machines.ActivateHost(ctx, w.Person, w.Provider, w.Hosts[0]))
	if after := storetest.Cluster(t, w, id); !after.LeaseEndsAt.Equal(*before.LeaseEndsAt) || after.Held != before.Held {
		t.Errorf("a refused extension changed %+v to %+v", before, after)
	}
	// Over is over, even where nobody has ended it yet.
	w.Exec(t, `UPDATE clusters SET lease_ends_at = now() WHERE id = $1`, id)
	if r := storetest.WantRefusal(t, extend(3600), "state"); !strings.Contains(r.Title, "ended at") {
		t.Errorf("refused with %q", r.Title)
	}
	storetest.NoError(t, w.DB.Machines.StopCluster(ctx, w.Organization, w.Person, id))
	storetest.WantRefusal(t, extend(3600), "state")
	storetest.WantRefusal(t, w.DB.Machines.ExtendLease(ctx, w.Organization, w.Person, uuid.New(), 3600), "not_found")
	w.Exec(t, `UPDATE organizations SET suspended_at = now(), suspended_reason = 'unpaid'`)
	storetest.WantRefusal(t, extend(3600), "suspended")
}

// A suspended provider's clusters run to the end of their leases, which are not extended.
func TestNoExtensionAtASuspendedProvider(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	id := w.Launch(t, "trial-1", 0)
	w.Ready(t, id)
	before := storetest.Cluster(t, w, id)
	extend := func() error { return w.DB.Machines.ExtendLease(ctx, w.Organization, w.Person, id, 3600) }
	storetest.NoError(t, w.DB.People.SuspendProvider(ctx, w.Person, w.Provider, "an open invoice"))
	storetest.WantRefusal(t, extend(), "provider")
	if after := storetest.Cluster(t, w, id); !after.LeaseEndsAt.Equal(*before.LeaseEndsAt) || after.Held != before.Held {
		t.Errorf("a refused extension changed %+v to %+v", before, after)
	}
	storetest.NoError(t, w.DB.People.LiftProvider(ctx, w.Person, w.Provider))
	storetest.NoError(t, extend())
}

func TestExtensionsKeepToCaps(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	bo, cy := storetest.Member(t, w, "bo@example.org"), storetest.Member(t, w, "cy@example.org")
	older := storetest.Must[uuid.UUID](t)(w.DB.Machines.LaunchCluster(ctx, w.Organization, bo, storetest.OneHour(w, "older", 0)))
	storetest.SetCap(t, w, bo, 3)
	storetest.SetCap(t, w, cy, 50)
	id := storetest.Must[uuid.UUID](t)(w.DB.Machines.LaunchCluster(ctx, w.Organization, bo, storetest.OneHour(w, "mine", 1)))
	storetest.NoError(t, w.DB.Machines.ExtendLease(ctx, w.Organization, bo, id, 1800))
	storetest.WantRefusal(t, w.DB.Machines.ExtendLease(ctx, w.Organization, bo, id, 1800), "cap")
	storetest.WantRefusal(t, w.DB.Machines.ExtendLease(ctx, w.Organization, bo, older, 60), "cap")
	storetest.WantRefusal(t, w.DB.Machines.ExtendLease(ctx, w.Organization, cy, id, 60), "cap")
	storetest.NoError(t, w.DB.Machines.ExtendLease(ctx, w.Organization, w.Person, id, 1800)) // an owner decides
	if c := storetest.CapOf(t, w, bo); c.Spent != 4*billing.ComputeHour {
		t.Errorf("spent %s", c.Spent)
	}
}

// TestExtendingWhileTheLeaseEnds has both come at once. Whoever is first, the cluster is either stopped with its old
// lease, or runs on with the new one and all of its hours held.
func TestExtendingWhileTheLeaseEnds(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	extended := 0
	for range 8 {
		id := w.Launch(t, "trial-1", 1)
		w.Ready(t, id)
		w.Exec(t, `UPDATE clusters SET lease_ends_at = clock_timestamp() + interval '15 milliseconds' WHERE id = $1`, id)
		var crowd sync.WaitGroup
		var refused error
		crowd.Go(func() {
			for storetest.Cluster(t, w, id).Desired == provisioner.DesiredRunning && time.Until(*storetest.Cluster(t, w, id).LeaseEndsAt) < time.Minute {
				if _, err := w.DB.Machines.EndLeases(ctx); err != nil {
					t.Error(err)
				}
			}
		})
		crowd.Go(func() { refused = w.DB.Machines.ExtendLease(ctx, w.Organization, w.Person, id, 3600) })
		crowd.Wait()
		d := storetest.Cluster(t, w, id)
		switch {
		case refused == nil && d.Desired == provisioner.DesiredRunning && d.LeaseSeconds == 7200 && d.Held == 4*billing.ComputeHour:
			extended++
		case refused != nil && d.Desired == provisioner.DesiredStopped && d.LeaseSeconds == 3600:
			storetest.WantRefusal(t, refused, "state")
		default:
			t.Fatalf("extension: %v; cluster %+v", refused, d)
		}
		storetest.NoError(t, w.DB.Machines.DeleteCluster(ctx, w.Organization, w.Person, id))
		storetest.NoError(t, w.DB.Machines.MarkNodesGone(ctx, id))
	}
	t.Logf("%d of 8 extended", extended)
	if report := storetest.Must[books.LedgerReport](t)(w.DB.Books.VerifyLedger(ctx)); report.Difference != nil {
		t.Error(report.Difference)
	}
}
