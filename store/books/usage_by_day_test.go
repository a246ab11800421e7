package books_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"volary.dev/billing"
)

// TestUsageByDay: two nodes of rate 1000 run from 60 s before a midnight to 30 s after it. Booked or not, the day
// before has 120 compute seconds of it and the day after 60. The midnight is the provider's, in Berlin.
func TestUsageByDay(t *testing.T) {
	w := newLedgerWorld(t)
	w.grant(10_000_000, nil)
	berlin, err := time.LoadLocation("Europe/Berlin")
	w.must(err)
	year, month, day := time.Now().In(berlin).Date()
	today := time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
	midnight := time.Date(year, month, day-1, 0, 0, 0, 0, berlin)
	id, nodes := w.running(2, 1000, midnight.Add(-time.Minute))
	for s := -55; s <= 30; s += 5 {
		w.prove(midnight.Add(time.Duration(s)*time.Second), nodes...)
	}
	check := func(when string) {
		list, err := w.db.Books.UsageByDay(t.Context(), w.org, 30)
		if err != nil || len(list) != 30 || !list[29].Day.Equal(today) || !list[0].Day.Equal(today.Add(-29*24*time.Hour)) {
			t.Fatalf("%s: %d days, %v: %v", when, len(list), err, list)
		}
		for i, d := range list {
			want := map[int]billing.Hours{27: 120_000, 28: 60_000}[i]
			if d.Used != want {
				t.Errorf("%s: %s has %d mcs, want %d", when, d.Day.Format(time.DateOnly), d.Used, want)
			}
		}
	}
	check("open and not booked")
	w.must(w.db.Books.EndRunsNow(t.Context(), id, nil, "asked"))
	w.must(w.db.Books.ReleaseNow(t.Context(), id, midnight.Add(40*time.Second)))
	check("ended and booked")
	if list, err := w.db.Books.UsageByDay(t.Context(), uuid.New(), 2); err != nil || len(list) != 2 || list[0].Used+list[1].Used != 0 {
		t.Errorf("another organization: %v, %v", list, err)
	}
}
