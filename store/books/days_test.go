package books_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
	"volary.dev/store/books"
	"volary.dev/store/overview"
	"volary.dev/store/storetest"
)

// twice is within the first of the two hours from midnight that clocks of Havana show on 1 November 2026, where a day and a month begin.
func twice(minutes int) time.Time {
	return time.Date(2026, 11, 1, 4, 0, 0, 0, time.UTC).Add(time.Duration(minutes) * time.Minute)
}

// TestAMonthBeginsAtTheFirstOfTwoMidnights books use of the first half hour of November: no part of it is October's.
func TestAMonthBeginsAtTheFirstOfTwoMidnights(t *testing.T) {
	w := newLedgerWorld(t)
	w.exec(`UPDATE providers SET accounting_zone = 'America/Havana' WHERE id = $1`, w.provider)
	w.grant(10_000_000, nil)
	id, nodes := w.running(1, 1000, twice(0))
	for s := 5; s <= 60; s += 5 {
		w.prove(twice(0).Add(time.Duration(s)*time.Second), nodes...)
	}
	w.must(w.db.Books.EndRunsNow(t.Context(), id, nil, "asked"))
	w.must(w.db.Books.ReleaseNow(t.Context(), id, twice(2)))
	months := storetest.Must[[]overview.MonthUse](t)(w.db.Overview.MonthlyUse(t.Context(), w.provider, w.org, 2, twice(600)))
	if len(months) != 2 || months[0] != (overview.MonthUse{Month: "2026-10"}) || months[1] != (overview.MonthUse{Month: "2026-11", Hours: 60_000}) {
		t.Errorf("use by month: %+v", months)
	}
}

// TestListsTakeDaysOfTheProvidersZone files an order, an invoice and entries of the ledger at both ends of a day of Havana that has
// 25 hours: its filter finds them, and no other day's does.
func TestListsTakeDaysOfTheProvidersZone(t *testing.T) {
	w := newLedgerWorld(t)
	w.exec(`UPDATE providers SET accounting_zone = 'America/Havana' WHERE id = $1`, w.provider)
	w.sell(50_000_000, uuid.Nil, 2, "B")
	for _, table := range []string{"orders", "invoices", "ledger_entries"} {
		w.exec(`ALTER TABLE ` + table + ` DISABLE TRIGGER ALL`)
	}
	first := typed.Day{Year: 2026, Month: 11, Day: 1}
	for _, c := range []struct {
		at   time.Time
		days store.Days
		want bool
	}{
		{twice(1), store.Days{Since: first, Until: first}, true},
		{twice(61), store.Days{Since: first, Until: first}, true},
		{twice(25*60 - 1), store.Days{Since: first, Until: first}, true},
		{twice(-1), store.Days{Since: first}, false},
		{twice(-1), store.Days{Until: first.Add(-1)}, true},
		{twice(25 * 60), store.Days{Until: first}, false},
		{twice(25 * 60), store.Days{Since: first.Next()}, true},
		{twice(0), store.Days{}, true},
	} {
		w.exec(`UPDATE orders SET created_at = $1`, c.at)
		w.exec(`UPDATE invoices SET issued_at = $1`, c.at)
		w.exec(`UPDATE ledger_entries SET at = $1`, c.at)
		orders, total, _, err := w.db.Books.OrdersOfProvider(t.Context(), w.provider, books.OrderFilter{Days: c.days})
		if err != nil || (len(orders) > 0) != c.want || (total > 0) != c.want {
			t.Errorf("orders of the provider at %s by %v: %d of %d, %v", c.at, c.days, len(orders), total, err)
		}
		if orders, _, _, err = w.db.Books.OrdersOfOrganization(t.Context(), w.org, books.OrderFilter{Days: c.days}); err != nil || (len(orders) > 0) != c.want {
			t.Errorf("orders of the organization at %s by %v: %d, %v", c.at, c.days, len(orders), err)
		}
		if invoices, _, _, err := w.db.Books.InvoicesOfProvider(t.Context(), w.provider, books.InvoiceFilter{Days: c.days}); err != nil || (len(invoices) > 0) != c.want {
			t.Errorf("invoices at %s by %v: %d, %v", c.at, c.days, len(invoices), err)
		}
		if entries, _, err := w.db.Books.LedgerEntries(t.Context(), w.org, books.LedgerFilter{Days: c.days}); err != nil || (len(entries) > 0) != c.want {
			t.Errorf("entries at %s by %v: %d, %v", c.at, c.days, len(entries), err)
		}
	}
}
