package books_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"volary.dev/billing"
)

const (
	raceWriters = 4
	raceEntries = 6 // of each, in a month
)

// TestClosingAgainstBookings closes one month after the other while four journals book into it. What a month was closed with is what is in it for ever:
// an entry that slipped in behind would be in the ledger and not in the month's balances, and one that was lost in neither.
func TestClosingAgainstBookings(t *testing.T) {
	months := 50
	if os.Getenv("VOLARY_TEST_FULL") != "" {
		months = 1000
	}
	month := billing.Month{Year: 2026, Month: time.November}
	w := newLedgerWorldAt(t, month.Period(time.UTC).From)
	w.exec(`UPDATE providers SET accounting_zone = 'UTC', grace_days = 0`)
	var organizations []uuid.UUID
	for i := range raceWriters {
		id := uuid.Must(uuid.NewV7())
		w.exec(`INSERT INTO organizations VALUES ($1, $2, now())`, id, fmt.Sprintf("Group %d", i))
		organizations = append(organizations, id)
	}
	w.must(w.db.Books.BookGoodwillNow(t.Context(), w.provider, w.org, "first", month.Period(time.UTC).From))
	for range months {
		period := month.Period(time.UTC)
		w.clock.Set(period.To)
		// A month without an entry is none that is closed.
		w.must(w.db.Books.BookGoodwillNow(t.Context(), w.provider, w.org, "begins."+month.String(), period.From.Add(time.Minute)))
		var racing errgroup.Group
		for i, id := range organizations {
			racing.Go(func() error {
				for n := range raceEntries {
					if err := w.db.Books.BookGoodwillNow(t.Context(), w.provider, id, fmt.Sprintf("%s.%d.%d", month, i, n), period.From.Add(time.Hour)); err != nil {
						return err
					}
				}
				return nil
			})
		}
		racing.Go(func() error { return w.db.Books.ClosePeriod(t.Context(), w.person, w.provider, month) })
		w.must(racing.Wait())
		month = month.Next()
	}
	if got, want := w.count(`SELECT count(*) FROM ledger_entries WHERE kind = 'goodwill'`), int64(months*(raceWriters*raceEntries+1)+1); got != want {
		t.Errorf("%d entries, want %d", got, want)
	}
	if n := w.count(`
		SELECT count(*) FROM periods p
		 CROSS JOIN LATERAL (SELECT coalesce(sum(b.amount), 0) AS held FROM period_balances b WHERE b.month = p.month AND b.account = 'goodwill') h
		 CROSS JOIN LATERAL (SELECT count(*) AS booked FROM ledger_entries e WHERE e.period <= p.month) e
		 WHERE p.closed_at IS NOT NULL AND h.held <> e.booked`); n != 0 {
		t.Errorf("%d months hold something else than what they were closed with", n)
	}
	if n := w.count(`SELECT count(*) FROM ledger_entries WHERE kind = 'goodwill' AND period NOT IN (date_trunc('month', accounting_date::timestamp), date_trunc('month', accounting_date::timestamp) + interval '1 month')`); n != 0 {
		t.Errorf("%d entries are neither in their own month nor in the next", n)
	}
	late := w.count(`SELECT count(*) FROM ledger_entries WHERE period > accounting_date`)
	if all := int64(months * raceWriters * raceEntries); late == 0 || late == all {
		t.Errorf("%d of %d entries came late: nothing raced", late, all)
	}
	t.Logf("%d of %d entries came late", late, months*raceWriters*raceEntries)
	w.verified()
	if _, err := w.db.Books.Period(t.Context(), w.provider, month.Previous()); err != nil {
		t.Error(err)
	}
}
