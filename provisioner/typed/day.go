package typed

import (
	"errors"
	"strings"
	"time"
)

// ErrDay is the sentinel of what is no day.
var ErrDay = errors.New("write the day as 2026-11-30")

// Day is a day of the calendar, in no zone.
type Day struct {
	Year  int
	Month time.Month
	Day   int
}

// ParseDay reads a day as 2026-11-30, from the year 2000 to 2999.
func ParseDay(s string) (Day, error) {
	t, err := time.Parse(time.DateOnly, strings.TrimFunc(s, isBlank))
	if err != nil || t.Year() < 2000 || t.Year() > 2999 {
		return Day{}, ErrDay
	}
	return Day{t.Year(), t.Month(), t.Day()}, nil
}

// DayOf is the day that clocks of the zone show at an instant.
func DayOf(t time.Time, zone *time.Location) Day {
	y, m, d := t.In(zone).Date()
	return Day{y, m, d}
}

// IsZero tells whether it is no day at all.
func (d Day) IsZero() bool { return d == Day{} }

// Compare is negative where the day is before the other, and positive where it is after it.
func (d Day) Compare(o Day) int { return d.in(time.UTC).Compare(o.in(time.UTC)) }

// String gives 2026-11-30.
func (d Day) String() string { return d.in(time.UTC).Format(time.DateOnly) }

// Next is the day after.
func (d Day) Next() Day { return d.Add(1) }

// Add is the day that many days later.
func (d Day) Add(days int) Day { return DayOf(d.in(time.UTC).AddDate(0, 0, days), time.UTC) }

// Start is the first instant at which clocks of the zone show the day or a later one, in the zone.
func (d Day) Start(zone *time.Location) time.Time {
	// No zone is or was further than a day from UTC: from there on, one stretch without a change of clocks after another.
	wall := d.in(time.UTC)
	for t := wall.Add(-26 * time.Hour).In(zone); ; {
		_, offset := t.Zone()
		at := wall.Add(-time.Duration(offset) * time.Second)
		if at.Before(t) { // the change of clocks skipped midnight
			at = t
		}
		_, end := t.ZoneBounds()
		if end.IsZero() || at.Before(end) {
			return at.In(zone)
		}
		t = end.In(zone)
	}
}

// End is the instant at which the next day starts: the day is the instants from Start to before End.
func (d Day) End(zone *time.Location) time.Time { return d.Next().Start(zone) }

// From is when what is said to begin on the day begins, said at now: now for the day that it is, for a day is said when
// part of it has passed already.
func (d Day) From(now time.Time, zone *time.Location) time.Time {
	if d == DayOf(now, zone) {
		return now
	}
	return d.Start(zone)
}

func (d Day) in(zone *time.Location) time.Time {
	return time.Date(d.Year, d.Month, d.Day, 0, 0, 0, 0, zone)
}
