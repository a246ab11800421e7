package typed

import (
	"errors"
	"strings"
	"time"
)

// What is wrong with a date and time.
var (
	ErrClock   = errors.New("write the date and time as 2026-11-30T18:00")
	ErrSkipped = errors.New("clocks skip that time on that day")
)

// ParseClock reads a date and time as 2026-11-30T18:00, from the year 2000 to 2999, by the clocks of a zone. Of a time that they show
// twice the later one is meant; one that they skip is ErrSkipped.
func ParseClock(s string, zone *time.Location) (time.Time, error) {
	s = strings.TrimFunc(s, isBlank)
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02 15:04"} {
		wall, err := time.Parse(layout, s)
		if err != nil || wall.Year() < 2000 || wall.Year() > 2999 {
			continue
		}
		t := time.Date(wall.Year(), wall.Month(), wall.Day(), wall.Hour(), wall.Minute(), wall.Second(), 0, zone)
		shows := func(t time.Time) bool { return t.Format(time.DateTime) == wall.Format(time.DateTime) }
		if !shows(t) {
			return time.Time{}, ErrSkipped
		}
		if _, end := t.ZoneBounds(); !end.IsZero() {
			_, offset := t.Zone()
			_, next := end.Zone()
			if later := t.Add(time.Duration(offset-next) * time.Second); later.After(t) && shows(later) {
				t = later
			}
		}
		return t, nil
	}
	return time.Time{}, ErrClock
}
