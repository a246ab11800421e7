package books_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"volary.dev/billing"
	"volary.dev/store/books"
)

// settle settles as a worker does: at the time that the database says.
func (w *ledgerWorld) settle() (lapsed int) {
	w.t.Helper()
	now, err := w.db.Core.Now(w.t.Context())
	w.must(err)
	s, err := w.db.Books.SettleUsage(w.t.Context(), now)
	w.must(err)
	return s.Expired
}

// TestALotOverItsExpiry walks the clock from a lot's sale past its end: it is told of a week before, lapses with its last second,
// and pays on for what was set aside in time.
func TestALotOverItsExpiry(t *testing.T) {
	begin := at(0)
	w := newLedgerWorldAt(t, begin)
	lot := w.sell(10_000_000, uuid.Nil, 10, "")
	var expiry time.Time
	w.must(w.pool.QueryRow(t.Context(), `SELECT expires_at FROM lots WHERE id = $1`, lot).Scan(&expiry))
	if want := begin.AddDate(0, 0, 10); expiry.Before(want.Add(-time.Hour)) || expiry.After(want.Add(25*time.Hour)) {
		t.Fatalf("10 days from %s end at %s", begin, expiry)
	}
	for when, told := range map[time.Time]int{expiry.AddDate(0, 0, -7): 1} {
		w.clock.Set(when.Add(-time.Second))
		if n, err := w.db.Books.TellHours(t.Context()); err != nil || n != 0 {
			t.Errorf("told of %d before the week, %v", n, err)
		}
		w.clock.Set(when)
		if n, err := w.db.Books.TellHours(t.Context()); err != nil || n != told {
			t.Errorf("told of %d a week before, %v", n, err)
		}
	}
	ready := expiry.Add(-time.Minute).Truncate(time.Second)
	w.clock.Set(ready)
	id, nodes := w.running(1, 4000, ready)
	w.prove(ready.Add(10*time.Second), nodes...)
	w.clock.Set(expiry.Add(-time.Microsecond))
	if n := w.settle(); n != 0 || w.card().Expiring != 6_000_000 {
		t.Errorf("%d lapsed in the last microsecond, %+v", n, w.card())
	}
	w.clock.Set(expiry)
	if n := w.settle(); n != 1 || w.card().Expired != 6_000_000 {
		t.Errorf("%d lapsed, %+v", n, w.card())
	}
	late, _ := w.cluster(1, 100)
	refuses(t, w.db.Books.HoldNow(t.Context(), w.provider, w.org, late, 1000, expiry), "balance", "", "0.00 are available")
	w.prove(ready.Add(20*time.Second), nodes...)
	w.must(w.db.Books.EndRunsNow(t.Context(), id, nil, "asked"))
	w.must(w.db.Books.ReleaseNow(t.Context(), id, expiry.Add(time.Hour)))
	w.balance(0, 20, 0)
	parts := billing.Parts{Paid: billing.Money{Currency: "EUR"}}
	var cost int64
	w.must(w.pool.QueryRow(t.Context(), `SELECT amount, bought, used, expired, (SELECT sum(cost)::bigint FROM usage_lines WHERE lot_id = l.id) FROM lots l WHERE id = $1`, lot).
		Scan(&parts.Paid.Minor, &parts.Bought, &parts.Used, &parts.Gone, &cost))
	used, gone, left, err := parts.Cost()
	if err != nil || used.Minor != cost || cost == 0 || used.Minor+gone.Minor != parts.Paid.Minor || left.Minor != 0 {
		t.Errorf("lines cost %d; used %s, expired %s, left %s of %s, %v", cost, used, gone, left, parts.Paid, err)
	}
	w.verified()
}

// TestARunOverAMonthsEnd: the seconds before a month's end in the provider's zone are in that month's file and entry, those after in
// the next, where the end is at a full hour, at half of one, and where the clock was set to it at once; and so they stay in both when they are closed.
func TestARunOverAMonthsEnd(t *testing.T) {
	for zone, end := range map[string]time.Time{
		"Europe/Berlin":    time.Date(2026, 11, 30, 23, 0, 0, 0, time.UTC),
		"Asia/Kolkata":     time.Date(2026, 11, 30, 18, 30, 0, 0, time.UTC),
		"Atlantic/Azores":  time.Date(2026, 12, 1, 1, 0, 0, 0, time.UTC),
		"America/St_Johns": time.Date(2026, 12, 1, 3, 30, 0, 0, time.UTC),
	} {
		t.Run(zone, func(t *testing.T) {
			begin := end.Add(-2 * time.Minute)
			w := newLedgerWorldAt(t, begin)
			w.exec(`UPDATE providers SET accounting_zone = $2 WHERE id = $1`, w.provider, zone)
			w.sell(10_000_000, uuid.Nil, 10, "")
			id, nodes := w.running(2, 3600, begin)
			for round := begin.Add(10 * time.Second); !round.After(end.Add(3 * time.Minute)); round = round.Add(10 * time.Second) {
				w.clock.Set(round)
				w.prove(round, nodes...)
				w.settle()
			}
			w.clock.Set(end.Add(4 * time.Minute))
			w.must(w.db.Books.EndRunsNow(t.Context(), id, nil, "asked"))
			w.must(w.db.Books.ReleaseNow(t.Context(), id, end.Add(4*time.Minute)))
			for month, seconds := range map[string]string{"2026-11": "240000", "2026-12": "360000"} {
				rows := w.exported(month, billing.UsageAll)
				if got := strings.Join(rows[len(rows)-1], " "); !strings.Contains(got, seconds) {
					t.Errorf("%s has %s, want %s mcs", month, got, seconds)
				}
			}
			if n := w.count(`SELECT count(*) FROM usage_lines WHERE from_at < $1 AND to_at > $1`, end); n != 0 {
				t.Errorf("%d lines lie over the month's end", n)
			}
			if n := w.count(`SELECT count(*) FROM ledger_entries WHERE kind = 'use' AND period_from < $1 AND period_to > $1`, end); n != 0 {
				t.Errorf("%d entries lie over the month's end", n)
			}
			w.must(w.db.Books.SetAccounts(t.Context(), w.person, w.provider, books.AccountSettings{}))
			w.clock.Set(end.AddDate(0, 0, 31).Add(-time.Second))
			w.must(w.close("2026-11"))
			refusedWith(t, "the last second", w.close("2026-12"), "not_over")
			w.clock.Set(end.AddDate(0, 0, 31))
			refusedWith(t, "a lapse that is not booked", w.close("2026-12"), "open_questions", "lapsed with 2.62 compute hours that are not booked")
			w.settle()
			w.must(w.close("2026-12"))
			for month, seconds := range map[string]string{"2026-11": "240000", "2026-12": "360000"} {
				if got := w.rows(w.kept(month, "usage-totals.csv"))[0]["mcs"]; got != seconds {
					t.Errorf("%s was closed with %s mcs, want %s", month, got, seconds)
				}
			}
			w.ties("2026-11", "2026-12")
			w.verified()
		})
	}
}

// TestMonthsWithAChangeOfClocks: a month is closed when its own clock says that it is over, whatever it said when the month began.
func TestMonthsWithAChangeOfClocks(t *testing.T) {
	for _, c := range []struct {
		zone, month, end string
		hours            float64
	}{
		{"Europe/Berlin", "2026-10", "2026-10-31T23:00:00Z", 745},
		{"Europe/Berlin", "2027-03", "2027-03-31T22:00:00Z", 743},
		{"Asia/Kolkata", "2026-10", "2026-10-31T18:30:00Z", 744},
		{"Atlantic/Azores", "2026-10", "2026-11-01T01:00:00Z", 745},
	} {
		t.Run(c.zone+" "+c.month, func(t *testing.T) {
			end, err := time.Parse(time.RFC3339, c.end)
			if err != nil {
				t.Fatal(err)
			}
			w := newLedgerWorldAt(t, end.Add(-time.Hour))
			w.exec(`UPDATE providers SET accounting_zone = $2, grace_days = 0 WHERE id = $1`, w.provider, c.zone)
			w.grant(1000, nil)
			w.clock.Set(end.Add(-time.Second))
			refusedWith(t, "the last second", w.close(c.month), "not_over")
			w.clock.Set(end)
			w.must(w.close(c.month))
			p, err := w.db.Books.Period(t.Context(), w.provider, monthOf(t, c.month))
			if w.must(err); p.Instants.To.Sub(p.Instants.From).Hours() != c.hours {
				t.Errorf("%s has %s", c.month, p.Instants.To.Sub(p.Instants.From))
			}
		})
	}
}
