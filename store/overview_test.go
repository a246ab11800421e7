package store_test

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"volary.dev/billing"
	"volary.dev/store"
	"volary.dev/store/storetest"
)

func TestFirstSteps(t *testing.T) {
	w := storetest.NewWorld(t)
	steps := func(orgID uuid.UUID) store.FirstSteps {
		s, err := w.DB.FirstSteps(t.Context(), orgID)
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	fresh, err := w.DB.CreateOrganization(t.Context(), uuid.Nil, "Fresh")
	if err != nil {
		t.Fatal(err)
	}
	if s := steps(fresh); s != (store.FirstSteps{}) {
		t.Errorf("a new organization has %+v", s)
	}
	if s := steps(w.Organization); s != (store.FirstSteps{Uploaded: true, Bought: true}) {
		t.Errorf("%+v; want an image and hours", s)
	}
	member(t, w, "bo@example.org")
	test, err := w.DB.StartAcceptanceTest(t.Context(), w.Organization, w.Person, w.Version, w.PoolID)
	if err != nil {
		t.Fatal(err)
	}
	w.Exec(t, `UPDATE acceptance_tests SET state = 'passed' WHERE id = $1`, test)
	w.Launch(t, "first", 0)
	if s := steps(w.Organization); s != (store.FirstSteps{Invited: true, Uploaded: true, Tested: true, Bought: true, Launched: true}) {
		t.Errorf("%+v; want all", s)
	}
}

// TestUsageByDay: two nodes of rate 1000 run from 60 s before a midnight to 30 s after it. Booked or not, the day
// before has 120 compute seconds of it and the day after 60.
func TestUsageByDay(t *testing.T) {
	w := newLedgerWorld(t)
	w.grant(10_000_000, nil)
	today := time.Now().UTC().Truncate(24 * time.Hour)
	midnight := today.Add(-24 * time.Hour)
	id, nodes := w.running(2, 1000, midnight.Add(-time.Minute))
	for s := -55; s <= 30; s += 5 {
		w.prove(midnight.Add(time.Duration(s)*time.Second), nodes...)
	}
	check := func(when string) {
		list, err := w.db.UsageByDay(t.Context(), w.org, 30)
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
	w.must(w.db.EndRunsNow(t.Context(), id, nil, "asked"))
	w.must(w.db.ReleaseNow(t.Context(), id, midnight.Add(40*time.Second)))
	check("ended and booked")
	if list, err := w.db.UsageByDay(t.Context(), uuid.New(), 2); err != nil || len(list) != 2 || list[0].Used+list[1].Used != 0 {
		t.Errorf("another organization: %v, %v", list, err)
	}
}
