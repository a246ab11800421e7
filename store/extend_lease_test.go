package store_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/store"
	"volary.dev/store/storetest"
)

func TestExtendLease(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	id := w.Launch(t, "trial-1", 3) // four nodes, 1 compute hour an hour each
	noError(t, w.DB.ExtendLease(ctx, w.Organization, w.Person, id, 1800))
	if d := cluster(t, w, id); d.LeaseSeconds != 5400 || d.LeaseEndsAt != nil || d.Held != 6*billing.ComputeHour {
		t.Errorf("extended before READY: %+v", d)
	}
	w.Ready(t, id)
	before := cluster(t, w, id)
	noError(t, w.DB.ExtendLease(ctx, w.Organization, w.Person, id, 3600))
	d := cluster(t, w, id)
	if d.LeaseEndsAt.Sub(*before.LeaseEndsAt) != time.Hour || d.LeaseSeconds != 9000 || d.Held != 10*billing.ComputeHour || left(t, w) != 90*billing.ComputeHour {
		t.Errorf("extended after READY: %+v, %s left", d, left(t, w))
	}
	var runs, right int
	noError(t, w.Pool.QueryRow(ctx, `
		SELECT count(*), count(*) FILTER (WHERE r.ends_by = date_trunc('second', c.lease_ends_at) AND r.ends_by = r.started_at + interval '9000 seconds')
		FROM runs r JOIN clusters c ON c.id = r.cluster_id`).Scan(&runs, &right))
	if runs != 4 || right != 4 {
		t.Errorf("%d of %d runs end with the lease", right, runs)
	}
	// What comes back in the end is all that was not used.
	noError(t, w.DB.DeleteCluster(ctx, w.Organization, w.Person, id))
	noError(t, w.DB.MarkClusterGone(ctx, id))
	if d := cluster(t, w, id); d.Held != 0 || left(t, w) != 100*billing.ComputeHour-d.Used {
		t.Errorf("gone cluster %+v, %s left", d, left(t, w))
	}
	if report := must[store.LedgerReport](t)(w.DB.VerifyLedger(ctx)); report.Difference != nil {
		t.Error(report.Difference)
	}
}

func TestExtendLeaseRefusals(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	id := w.Launch(t, "trial-1", 3)
	w.Ready(t, id)
	before := cluster(t, w, id)
	extend := func(seconds int64) error { return w.DB.ExtendLease(ctx, w.Organization, w.Person, id, seconds) }
	for _, add := range []int64{0, -3600, 59, 720 * 3600, 1 << 62} {
		if r := wantRefusal(t, extend(add), "invalid"); !strings.Contains(r.Fields["lease"], "720 hours at most: extend it by 1 minute to 719 h") {
			t.Errorf("%d: %v", add, r.Fields)
		}
	}
	if r := wantRefusal(t, extend(25*3600), "balance"); !strings.Contains(r.Title, "100") || !strings.Contains(r.Title, "96") {
		t.Errorf("refused with %q, no numbers", r.Title)
	}
	noError(t, w.DB.DrainHost(ctx, w.Person, w.Provider, w.Hosts[0], ""))
	wantRefusal(t, extend(3600), "state")
	noError(t, w.DB.ActivateHost(ctx, w.Person, w.Provider, w.Hosts[0]))
	if after := cluster(t, w, id); !after.LeaseEndsAt.Equal(*before.LeaseEndsAt) || after.Held != before.Held {
		t.Errorf("a refused extension changed %+v to %+v", before, after)
	}
	// Over is over, even where nobody has ended it yet.
	w.Exec(t, `UPDATE clusters SET lease_ends_at = now() WHERE id = $1`, id)
	if r := wantRefusal(t, extend(3600), "state"); !strings.Contains(r.Title, "ended at") {
		t.Errorf("refused with %q", r.Title)
	}
	noError(t, w.DB.StopCluster(ctx, w.Organization, w.Person, id))
	wantRefusal(t, extend(3600), "state")
	wantRefusal(t, w.DB.ExtendLease(ctx, w.Organization, w.Person, uuid.New(), 3600), "not_found")
	w.Exec(t, `UPDATE organizations SET suspended_at = now(), suspended_reason = 'unpaid'`)
	wantRefusal(t, extend(3600), "suspended")
}

func TestExtensionsKeepToCaps(t *testing.T) {
	w := storetest.NewWorld(t)
	ctx := t.Context()
	bo, cy := member(t, w, "bo@example.org"), member(t, w, "cy@example.org")
	older := must[uuid.UUID](t)(w.DB.LaunchCluster(ctx, w.Organization, bo, oneHour(w, "older", 0)))
	setCap(t, w, bo, 3)
	setCap(t, w, cy, 50)
	id := must[uuid.UUID](t)(w.DB.LaunchCluster(ctx, w.Organization, bo, oneHour(w, "mine", 1)))
	noError(t, w.DB.ExtendLease(ctx, w.Organization, bo, id, 1800))
	wantRefusal(t, w.DB.ExtendLease(ctx, w.Organization, bo, id, 1800), "cap")
	wantRefusal(t, w.DB.ExtendLease(ctx, w.Organization, bo, older, 60), "cap")
	wantRefusal(t, w.DB.ExtendLease(ctx, w.Organization, cy, id, 60), "cap")
	noError(t, w.DB.ExtendLease(ctx, w.Organization, w.Person, id, 1800)) // an owner decides
	if c := must[*store.Cap](t)(w.DB.CapOf(ctx, w.Organization, bo)); c.Spent != 4*billing.ComputeHour {
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
			for cluster(t, w, id).Desired == provisioner.DesiredRunning && time.Until(*cluster(t, w, id).LeaseEndsAt) < time.Minute {
				if _, err := w.DB.EndLeases(ctx, time.Hour); err != nil {
					t.Error(err)
				}
			}
		})
		crowd.Go(func() { refused = w.DB.ExtendLease(ctx, w.Organization, w.Person, id, 3600) })
		crowd.Wait()
		d := cluster(t, w, id)
		switch {
		case refused == nil && d.Desired == provisioner.DesiredRunning && d.LeaseSeconds == 7200 && d.Held == 4*billing.ComputeHour:
			extended++
		case refused != nil && d.Desired == provisioner.DesiredStopped && d.LeaseSeconds == 3600:
			wantRefusal(t, refused, "state")
		default:
			t.Fatalf("extension: %v; cluster %+v", refused, d)
		}
		noError(t, w.DB.DeleteCluster(ctx, w.Organization, w.Person, id))
		noError(t, w.DB.MarkClusterGone(ctx, id))
	}
	t.Logf("%d of 8 extended", extended)
	if report := must[store.LedgerReport](t)(w.DB.VerifyLedger(ctx)); report.Difference != nil {
		t.Error(report.Difference)
	}
}
