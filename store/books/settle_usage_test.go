package books_test

import (
	"sync"
	"testing"
	"time"

	"volary.dev/billing"
)

func TestFromHoldToTheLastSecond(t *testing.T) {
	w := newLedgerWorld(t)
	w.grant(10_000_000, nil)
	id, nodes := w.running(2, 1000, at(0).Add(700*time.Millisecond))
	w.balance(2000, 0, 8000)
	w.proveUntil(0, 60, nodes...)
	w.balance(1880, 120, 8000)
	w.prove(at(65), nodes[0])
	w.must(w.db.Books.EndRunsNow(t.Context(), id, nil, "asked"))
	w.must(w.db.Books.ReleaseNow(t.Context(), id, at(70)))
	w.balance(0, 125, 9875)
	w.must(w.db.Books.ReleaseNow(t.Context(), id, at(71)))
	w.balance(0, 125, 9875)
	w.verified()
}

func TestSettlingThreeTimesAndAtOnceBillsOnce(t *testing.T) {
	w := newLedgerWorld(t)
	w.grant(100_000_000, nil)
	_, nodes := w.running(3, 20_000, at(3000))
	w.proveUntil(3000, 3640, nodes...)
	var wait sync.WaitGroup
	for range 6 {
		wait.Go(func() {
			if _, err := w.db.Books.SettleUsage(t.Context(), at(3665)); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	s, err := w.db.Books.SettleUsage(t.Context(), at(3700))
	if err != nil || s.Entries != 0 {
		t.Errorf("fourth settling booked %+v, %v", s, err)
	}
	if n := w.count(`SELECT count(*) FROM ledger_entries WHERE kind = 'use'`); n != 1 {
		t.Errorf("%d use entries for one hour and one lot", n)
	}
	if n := w.count(`SELECT sum(used) FROM lots`); n != 3*600*1000 {
		t.Errorf("booked %d mcs", n)
	}
	w.balance(3*20_000-3*640, 3*640, 100_000-3*20_000)
	w.verified()
}

func TestHourlyEntryWaitsForTheRestOfItsHour(t *testing.T) {
	w := newLedgerWorld(t)
	w.grant(100_000_000, nil)
	_, nodes := w.running(1, 20_000, at(3000))
	w.proveUntil(3000, 3595, nodes...)
	if s, err := w.db.Books.SettleUsage(t.Context(), at(3661)); err != nil || s.Entries != 0 {
		t.Errorf("booked an hour that was not proven to its end: %+v, %v", s, err)
	}
	w.prove(at(3600), nodes...)
	if s, err := w.db.Books.SettleUsage(t.Context(), at(3662)); err != nil || s.Entries != 1 || s.Hours != 600_000 {
		t.Errorf("%+v, %v", s, err)
	}
	w.proveUntil(3600, 7195, nodes...)
	if s, err := w.db.Books.SettleUsage(t.Context(), at(7261)); err != nil || s.Entries != 0 {
		t.Errorf("%+v, %v", s, err)
	}
	w.proveUntil(7195, 10_795, nodes...)
	if s, err := w.db.Books.SettleUsage(t.Context(), at(10_861)); err != nil || s.Entries != 1 || s.Hours != billing.ComputeHour {
		t.Errorf("an hour behind the present one stays unbooked: %+v, %v", s, err)
	}
}

func TestAJournalInTroubleDoesNotKeepOthersBack(t *testing.T) {
	w := newLedgerWorld(t)
	w.grant(100_000_000, nil)
	id, nodes := w.cluster(1, 100)
	w.must(w.db.Books.HoldNow(t.Context(), w.provider, w.org, id, 100_000, at(0)))
	w.exec(`UPDATE nodes SET rate = 9000 WHERE cluster_id = $1`, id) // a hold too small for what runs
	w.ready(id, at(0))
	good, goodNodes := w.running(1, 100, at(0))
	w.proveUntil(0, 60, nodes[0], goodNodes[0])
	for _, c := range []any{id, good} {
		w.exec(`UPDATE runs SET closed_at = now(), close_reason = 'asked', span = tstzrange(started_at, ended_at) WHERE cluster_id = $1`, c)
	}
	s, err := w.db.Books.SettleUsage(t.Context(), at(70))
	if err != nil || s.SetAside != 1 || s.Hours != 60_000 {
		t.Fatalf("%+v, %v", s, err)
	}
	var reason string
	w.must(w.pool.QueryRow(t.Context(), `SELECT aside_reason FROM run_bookings WHERE aside_reason <> ''`).Scan(&reason))
	if reason != "0.15 compute hours are needed, 0.02 are available." {
		t.Errorf("reason %q", reason)
	}
	w.must(w.db.Books.ReleaseNow(t.Context(), id, at(80)))
	if n := w.count(`SELECT sum(held) FROM holds WHERE cluster_id = $1`, id); n != 0 {
		t.Errorf("%d mcs stay held", n)
	}
	w.verified()
}

func TestEarliestExpiryIsUsedFirstAndSplitsExactly(t *testing.T) {
	w := newLedgerWorld(t)
	soon, later := time.Now().Add(240*time.Hour), time.Now().Add(480*time.Hour)
	last := w.grant(50_000, &later)
	first := w.grant(30_500, &soon)
	never := w.grant(100_000, nil)
	id, nodes := w.running(1, 120, at(0))
	w.proveUntil(0, 90, nodes...)
	w.must(w.db.Books.EndRunsNow(t.Context(), id, nil, "asked"))
	w.must(w.db.Books.ReleaseNow(t.Context(), id, at(95)))
	for lot, used := range map[any]int64{first: 30_500, last: 50_000, never: 9_500} {
		if n := w.count(`SELECT used FROM lots WHERE id = $1`, lot); n != used {
			t.Errorf("lot used %d, not %d", n, used)
		}
	}
	w.verified()
}

func TestHoursSetAsideOutliveTheirLotAndLapseWhenReleased(t *testing.T) {
	w := newLedgerWorld(t)
	expiry := time.Now().Add(time.Hour)
	w.grant(200_000, &expiry)
	now := time.Now()
	id, nodes := w.running(1, 100, now)
	after := expiry.Add(time.Second)
	s, err := w.db.Books.SettleUsage(t.Context(), after)
	if err != nil || s.Expired != 1 {
		t.Fatalf("%+v, %v", s, err)
	}
	w.balance(100, 0, 0)
	w.prove(now.Add(10*time.Second), nodes...)
	w.must(w.db.Books.EndRunsNow(t.Context(), id, nil, "asked"))
	w.must(w.db.Books.ReleaseNow(t.Context(), id, after))
	if c := w.card(); c.Used != 10_000 || c.Expired != 190_000 || c.Left != 0 {
		t.Errorf("%+v", c)
	}
	w.verified()
}

func TestEndingWorksWithoutHoursAndAfterExpiry(t *testing.T) {
	w := newLedgerWorld(t)
	expiry := time.Now().Add(time.Hour)
	w.grant(100_000, &expiry)
	id, _ := w.running(1, 100, time.Now())
	w.balance(100, 0, 0)
	w.must(w.db.Books.EndRunsNow(t.Context(), id, nil, "asked"))
	w.must(w.db.Books.ReleaseNow(t.Context(), id, expiry.Add(time.Hour)))
	never, _ := w.cluster(2, 100)
	w.must(w.db.Books.EndRunsNow(t.Context(), never, nil, "asked"))
	w.must(w.db.Books.ReleaseNow(t.Context(), never, time.Now()))
	w.must(w.db.Books.SettleNow(t.Context(), never, time.Now()))
}

func TestReleaseRefusesWhileRunsAreOpen(t *testing.T) {
	w := newLedgerWorld(t)
	w.grant(billing.ComputeHour, nil)
	id, _ := w.running(1, 100, at(0))
	if err := w.db.Books.ReleaseNow(t.Context(), id, at(1)); err == nil {
		t.Error("released under an open run")
	}
	w.balance(100, 0, 3500)
}
