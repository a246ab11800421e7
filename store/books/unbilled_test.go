package books_test

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"volary.dev/billing"
)

// unbilled asserts what a month shows, in any order.
func (w *ledgerWorld) unbilled(provider uuid.UUID, month time.Month, want ...billing.Unbilled) {
	w.t.Helper()
	list, err := w.db.Books.UnbilledTime(w.t.Context(), provider, billing.Month{Year: 2026, Month: month})
	w.must(err)
	if len(list) != len(want) {
		w.t.Errorf("%s: %d lines, want %d: %+v", month, len(list), len(want), list)
	}
	for _, x := range want {
		if !slices.Contains(list, x) {
			w.t.Errorf("%s lacks %+v in %+v", month, x, list)
		}
	}
}

// closeRuns is EndRuns at an instant of the test's: a closed run never changes again.
func (w *ledgerWorld) closeRuns(cluster uuid.UUID, when time.Time, reason string) {
	w.t.Helper()
	w.exec(`UPDATE runs SET closed_at = $2, close_reason = $3, span = tstzrange(started_at, ended_at) WHERE cluster_id = $1 AND closed_at IS NULL`, cluster, when, reason)
}

// secondHost is another host of the provider.
func (w *ledgerWorld) secondHost() uuid.UUID {
	w.t.Helper()
	id := uuid.Must(uuid.NewV7())
	w.exec(`INSERT INTO hosts (id, provider_id, pool_id, name, scheme, address, port, underlay, state, created_at)
		VALUES ($1, $2, $3, 'h2', 'memory', 'h2', 0, '192.0.2.2', 'active', now())`, id, w.provider, w.poolID)
	return id
}

// TestUnbilledTime: two nodes on a host have two gaps each, the first of them while the host is silent; a node of twice
// the rate on another host is found started anew. What was proven, and another provider, are not in it.
func TestUnbilledTime(t *testing.T) {
	w := newLedgerWorld(t)
	w.grant(50_000_000, nil)
	_, nodes := w.running(2, 3600, at(0))
	w.proveUntil(0, 60, nodes...)
	w.exec(`INSERT INTO host_silences VALUES ($1, $2, $3, 2, 'no answer')`, w.host, at(66), at(90))
	w.proveUntil(85, 120, nodes...) // 30 s after the last one
	w.proveUntil(155, 200, nodes...)
	w.exec(`INSERT INTO host_silences VALUES ($1, $2, NULL, 2, 'no answer')`, w.host, at(205)) // none of the runs' yet

	far := w.secondHost()
	other, moved := w.cluster(1, 3600)
	w.exec(`UPDATE nodes SET host_id = $1, rate = 2000 WHERE id = $2`, far, moved[0])
	w.must(w.db.Books.HoldNow(t.Context(), w.provider, w.org, other, 7_200_000, at(0)))
	w.ready(other, at(0))
	w.must(w.db.Books.ProveLifeNow(t.Context(), far, at(10), billing.Proof{NodeID: moved[0], StartID: "s1"}))
	w.closeRuns(other, at(14).Add(700*time.Millisecond), "started_anew")
	w.exec(`UPDATE clusters SET created_at = $1`, at(0))

	w.unbilled(w.provider, time.November,
		billing.Unbilled{HostID: w.host, HostName: "h1", Why: billing.UnbilledSilent, Times: 2, Seconds: 60, Hours: 60_000},
		billing.Unbilled{HostID: w.host, HostName: "h1", Why: billing.UnbilledLate, Times: 2, Seconds: 80, Hours: 80_000},
		billing.Unbilled{HostID: far, HostName: "h2", Why: billing.UnbilledRestarted, Times: 1, Seconds: 4, Hours: 8_000})
	w.unbilled(w.provider, time.October)
	w.unbilled(w.provider, time.December)

	south := uuid.Must(uuid.NewV7())
	w.exec(`INSERT INTO providers VALUES ($1, 'South', 'EUR', 'Europe/Berlin', now())`, south)
	w.unbilled(south, time.November)
	if _, err := w.db.Books.UnbilledTime(t.Context(), uuid.New(), billing.Month{Year: 2026, Month: time.November}); err == nil {
		t.Error("a provider that is not there has a list")
	}
}

// TestUnbilledTimeOfPauses: what goes on after a pause counts from its last proof until it was seen to run again; what was
// ended out of one until the pause began.
func TestUnbilledTimeOfPauses(t *testing.T) {
	w := newLedgerWorld(t)
	w.grant(50_000_000, nil)
	for reason, from := range map[string]int{"paused": 0, "paused_on_host": 1000, "halted": 2000} {
		id, nodes := w.running(1, 3600, at(from))
		w.proveUntil(from, from+60, nodes...)
		w.closeRuns(id, at(from+63), reason)
		w.proveUntil(from+160, from+200, nodes...)
	}
	id, nodes := w.running(1, 3600, at(0))
	w.proveUntil(0, 20, nodes...)
	w.exec(`UPDATE runs SET ends_by = $1 WHERE cluster_id = $2`, at(22), id) // as the pause does
	w.closeRuns(id, at(40), "paused")
	w.exec(`UPDATE clusters SET created_at = $1`, at(0))

	w.unbilled(w.provider, time.November,
		billing.Unbilled{HostID: w.host, HostName: "h1", Why: billing.UnbilledPaused, Times: 2, Seconds: 107, Hours: 107_000},
		billing.Unbilled{HostID: w.host, HostName: "h1", Why: billing.UnbilledSuspended, Times: 1, Seconds: 105, Hours: 105_000},
		billing.Unbilled{HostID: w.host, HostName: "h1", Why: billing.UnbilledHalted, Times: 1, Seconds: 105, Hours: 105_000})
}

// TestUnbilledTimeAcrossMonths: a host is silent from 25 s before a month's end in the provider's zone to 15 s after it,
// and counts as lost in between.
func TestUnbilledTimeAcrossMonths(t *testing.T) {
	w := newLedgerWorld(t)
	w.grant(50_000_000, nil)
	border := time.Date(2026, 12, 1, 0, 0, 0, 0, berlin(t))
	id, nodes := w.running(1, 3600, border.Add(-time.Minute))
	w.exec(`UPDATE clusters SET created_at = $1`, border.Add(-time.Hour))
	for s := -55; s <= -25; s += 5 {
		w.prove(border.Add(time.Duration(s)*time.Second), nodes...)
	}
	w.closeRuns(id, border.Add(-12*time.Second), "host_lost")
	silent := func(seconds int64) billing.Unbilled {
		return billing.Unbilled{HostID: w.host, HostName: "h1", Why: billing.UnbilledSilent, Times: 1, Seconds: seconds, Hours: billing.Hours(seconds * 1000)}
	}
	w.unbilled(w.provider, time.November, silent(13)) // nobody knows of more yet
	w.prove(border.Add(15*time.Second), nodes...)
	w.unbilled(w.provider, time.November, silent(25))
	w.unbilled(w.provider, time.December, silent(15))
}

// TestUnbilledTimeEnds: what lies behind a lease's end was nobody's; a machine found off was ready until then; and one that
// was lost with its host, placed on another one and started there, was not ready in between and counts for the first.
func TestUnbilledTimeEnds(t *testing.T) {
	w := newLedgerWorld(t)
	w.grant(50_000_000, nil)
	lease, short := w.running(1, 60, at(0))
	w.proveUntil(0, 55, short...)
	w.must(w.db.Books.EndRunsNow(t.Context(), lease, nil, "lease_ended"))
	off, powered := w.running(1, 3600, at(0))
	w.proveUntil(0, 20, powered...)
	w.closeRuns(off, at(23), "guest_off")
	lost, again := w.running(1, 3600, at(0))
	w.proveUntil(0, 20, again...)
	w.closeRuns(lost, at(36), "host_lost")
	w.exec(`UPDATE nodes SET start_id = 's2', host_id = $1, left_host_id = host_id, left_why = 'it did not start', left_at = $2 WHERE id = $3`,
		w.secondHost(), at(90), again[0])
	w.exec(`UPDATE clusters SET ready_at = $1 WHERE id = $2`, at(100), lost)
	w.must(w.db.Books.BeginRunsNow(t.Context(), lost))
	w.exec(`UPDATE clusters SET created_at = $1`, at(0))

	w.unbilled(w.provider, time.November,
		billing.Unbilled{HostID: w.host, HostName: "h1", Why: billing.UnbilledSilent, Times: 1, Seconds: 16, Hours: 16_000},
		billing.Unbilled{HostID: w.host, HostName: "h1", Why: billing.UnbilledEnded, Times: 1, Seconds: 5, Hours: 5_000},
		billing.Unbilled{HostID: w.host, HostName: "h1", Why: billing.UnbilledOff, Times: 1, Seconds: 3, Hours: 3_000})
}

func berlin(t *testing.T) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	return zone
}
