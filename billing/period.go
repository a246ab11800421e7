package billing

import (
	"errors"
	"fmt"
	"time"
	_ "time/tzdata" // accounting zones are known where the system has no table of them

	"volary.dev/provisioner/typed"
)

// ErrMonth is the sentinel of a month or accounting zone that cannot be read.
var ErrMonth = errors.New("not a month")

// Period is a half-open range of UTC instants.
type Period struct {
	From, To time.Time
}

// Month is a calendar month; which instants it has depends on the provider's accounting zone.
type Month struct {
	Year  int
	Month time.Month
}

// ParseMonth reads a month as 2026-11.
func ParseMonth(s string) (Month, error) {
	t, err := time.Parse("2006-01", s)
	if err != nil {
		return Month{}, fmt.Errorf("%w: write it as 2026-11, not %q", ErrMonth, s)
	}
	return Month{t.Year(), t.Month()}, nil
}

// MonthOf is the month that an instant belongs to in the zone.
func MonthOf(t time.Time, zone *time.Location) Month {
	local := t.In(zone)
	return Month{local.Year(), local.Month()}
}

// String gives 2026-11.
func (m Month) String() string { return fmt.Sprintf("%04d-%02d", m.Year, int(m.Month)) }

// Before tells whether the month is earlier than another.
func (m Month) Before(o Month) bool { return m.Year < o.Year || m.Year == o.Year && m.Month < o.Month }

// Previous is the month before.
func (m Month) Previous() Month {
	t := time.Date(m.Year, m.Month-1, 1, 0, 0, 0, 0, time.UTC)
	return Month{t.Year(), t.Month()}
}

// Next is the month after.
func (m Month) Next() Month {
	t := time.Date(m.Year, m.Month+1, 1, 0, 0, 0, 0, time.UTC)
	return Month{t.Year(), t.Month()}
}

// Period gives the month's instants in the zone. A month in which clocks change has an hour more or less.
func (m Month) Period(zone *time.Location) Period {
	return Period{
		From: typed.Day{Year: m.Year, Month: m.Month, Day: 1}.Start(zone).UTC(),
		To:   typed.DayOf(time.Date(m.Year, m.Month+1, 1, 0, 0, 0, 0, time.UTC), time.UTC).Start(zone).UTC(),
	}
}

// FirstDay is how ledger entries and periods name the month.
func (m Month) FirstDay() string { return m.String() + "-01" }

// Words gives "November 2026".
func (m Month) Words() string { return fmt.Sprintf("%s %d", m.Month, m.Year) }
