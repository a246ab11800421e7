package books_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"volary.dev/billing"
	"volary.dev/store/machines"
)

// What a cluster's page says of its cost is the ledger's word and the runs', over gaps, nodes that ended and hours that are
// booked only in part; another cluster on the same hours is not in it.
func TestCostSoFarIsTheLedgersAndTheRuns(t *testing.T) {
	w := newLedgerWorld(t)
	w.sell(10*billing.ComputeHour, uuid.Nil, 30, "") // 10.00 EUR
	w.grant(100*billing.ComputeHour, nil)
	otherID, other := w.running(1, 1000, at(3000)) // some of the hours that were bought are its
	id, nodes := w.cluster(2, 1000)
	w.exec(`UPDATE nodes SET rate = 100000 WHERE cluster_id = $1`, id)
	w.must(w.db.Books.HoldNow(t.Context(), w.provider, w.org, id, 2*1000*100_000, at(3000)))
	w.want(id, 0, 0, -1, time.Time{})
	w.ready(id, at(3000))
	w.proveUntil(3000, 3060, append(other, nodes...)...)
	w.must(w.db.Books.EndRunsNow(t.Context(), otherID, nil, "asked"))
	w.proveUntil(3060, 3095, nodes[1])
	w.proveUntil(3095, 3120, nodes...) // of the first one nothing was proven for 40 seconds
	w.must(w.db.Books.EndRunsNow(t.Context(), id, nodes[1:], "guest_off"))
	w.want(id, 80+120, 0, -1, at(3120))

	w.must(w.db.Books.SettleNow(t.Context(), id, at(3130)))
	w.must(w.db.Books.SettleNow(t.Context(), otherID, at(3130))) // 2 of the 1000 cents
	w.want(id, 80+120, 60+120, 500, at(3120))

	w.proveUntil(3120, 3660, nodes[0])
	_, err := w.db.Books.SettleUsage(t.Context(), at(3661))
	w.must(err)
	w.want(id, 60+120+560, 60+120+500, 972, at(3660)) // 35.06 of what were 36 million, and a grant costs nothing

	w.must(w.db.Books.EndRunsNow(t.Context(), id, nil, "asked"))
	w.must(w.db.Books.ReleaseNow(t.Context(), id, at(3670)))
	d := w.want(id, 60+120+560, 60+120+560, 972, at(3660))
	if d.Held != 0 {
		t.Errorf("held after its end: %s", d.Held)
	}
	w.verified()
	if _, err := w.db.Machines.Cluster(t.Context(), uuid.New(), id); err == nil {
		t.Error("another organization reads it")
	}
}

// want asserts what a cluster used and what of it is booked, in seconds of a node at rate 100000, its cost in cents (-1: none),
// and up to when it was proven.
func (w *ledgerWorld) want(id uuid.UUID, used, booked, cost int64, proven time.Time) machines.ClusterDetail {
	w.t.Helper()
	d, err := w.db.Machines.Cluster(w.t.Context(), w.org, id)
	w.must(err)
	got := int64(-1)
	if d.Cost != nil {
		got = *d.Cost
	}
	if int64(d.Used) != used*100_000 || int64(d.Booked) != booked*100_000 || got != cost || d.Currency != "EUR" {
		w.t.Errorf("used %d, booked %d, cost %d %s; want %d, %d, %d", d.Used, d.Booked, got, d.Currency, used*100_000, booked*100_000, cost)
	}
	if at := d.ProvenAt; (at == nil) != proven.IsZero() || at != nil && !at.Equal(proven) {
		w.t.Errorf("proven until %v, want %s", at, proven)
	}
	ledger := w.count(`SELECT coalesce(sum(hours), 0) FROM ledger_postings WHERE cluster_id = $1 AND account = 'held' AND hours < 0
		AND (wallet_id, seq) IN (SELECT wallet_id, seq FROM ledger_entries WHERE kind = 'use')`, id)
	if -ledger != int64(d.Booked) || w.count(`SELECT coalesce(sum(hours), 0) FROM usage_lines WHERE cluster_id = $1`, id) != int64(d.Booked) {
		w.t.Errorf("booked %d, and the ledger says %d", d.Booked, -ledger)
	}
	if left := w.count(`SELECT sum(set_aside - released) FROM holds WHERE cluster_id = $1`, id); left != int64(d.Held+d.Used) {
		w.t.Errorf("held %d and used %d are not what was set aside: %d", d.Held, d.Used, left)
	}
	return d
}
