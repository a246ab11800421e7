package billing

import (
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"
)

func TestEmptyAt(t *testing.T) {
	now := time.Date(2026, 11, 22, 14, 10, 0, 0, time.UTC)
	in := func(h int) time.Time { return now.Add(time.Duration(h) * time.Hour) }
	lot := func(n byte, h Hours, expires time.Time) Lot {
		return Lot{ID: uuid.UUID{n}, Available: h * ComputeHour, ExpiresAt: expires}
	}
	one := PaceOf(1000) // a compute hour an hour
	for name, c := range map[string]struct {
		pace Pace
		held Hours
		lots []Lot
		want time.Time // zero: no forecast
	}{
		"nothing runs":              {Pace{}, 5 * ComputeHour, nil, time.Time{}},
		"nothing there":             {one, 0, nil, now},
		"set aside alone":           {one, 4 * ComputeHour, nil, in(4)},
		"two cores":                 {PaceOf(2000), 4 * ComputeHour, nil, in(2)},
		"lots behind it":            {one, ComputeHour, []Lot{lot(1, 3, time.Time{}), lot(2, 2, in(100))}, in(6)},
		"one lapses before":         {one, 5 * ComputeHour, []Lot{lot(1, 100, in(4))}, in(5)},
		"one lapses while used":     {one, 0, []Lot{lot(1, 100, in(4)), lot(2, 3, time.Time{})}, in(7)},
		"the earliest is not first": {one, 0, []Lot{lot(2, 3, in(50)), lot(1, 10, in(2))}, in(5)},
		"a week's mean":             {Pace{7 * 24 * ComputeHour, 7 * 24 * time.Hour}, 96 * ComputeHour, nil, in(96)},
		"a slow mean":               {Pace{1, 7 * 24 * time.Hour}, ComputeHour, nil, time.Time{}},
		"more than ten years":       {one, MaxHours, nil, time.Time{}},
	} {
		got, ok := EmptyAt(now, c.pace, c.held, c.lots)
		if ok == c.want.IsZero() || !got.Equal(c.want) {
			t.Errorf("%s: %s, %v; want %s", name, got, ok, c.want)
		}
	}
}

// TestEmptyAtNeverSaysTooLate: what the forecast spends until its end is never more than there is.
func TestEmptyAtNeverSaysTooLate(t *testing.T) {
	now := time.Unix(1_800_000_000, 0).UTC()
	rapid.Check(t, func(t *rapid.T) {
		pace := Pace{Hours(rapid.Int64Range(1, 1<<40).Draw(t, "used")), time.Duration(rapid.Int64Range(1, 1<<20).Draw(t, "seconds")) * time.Second}
		all := Hours(rapid.Int64Range(0, 1<<45).Draw(t, "set aside"))
		held := all
		var lots []Lot
		for i, h := range rapid.SliceOfN(rapid.Int64Range(0, 1<<45), 0, 5).Draw(t, "lots") {
			l := Lot{ID: uuid.UUID{byte(i)}, Available: Hours(h)}
			if days := rapid.IntRange(0, 400).Draw(t, "days"); days > 0 {
				l.ExpiresAt = now.AddDate(0, 0, days)
			}
			lots, all = append(lots, l), all+l.Available
		}
		at, ok := EmptyAt(now, pace, held, lots)
		if !ok {
			return
		}
		spent := float64(at.Unix()-now.Unix()) / pace.Over.Seconds() * float64(pace.Used)
		if at.Before(now) || spent > float64(all)*1.000001+1 {
			t.Fatalf("%s after now spend %.0f of %d mcs", at.Sub(now), spent, all)
		}
	})
}
