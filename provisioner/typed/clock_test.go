package typed

import (
	"errors"
	"testing"
	"time"
)

func TestParseClock(t *testing.T) {
	for _, c := range []struct{ zone, typed, want string }{
		{"Europe/Berlin", "2027-03-28T01:59", "2027-03-28T01:59:00+01:00"},
		{"Europe/Berlin", "2027-03-28 03:00", "2027-03-28T03:00:00+02:00"},
		{"Europe/Berlin", "2027-10-31T01:30", "2027-10-31T01:30:00+02:00"},
		{"Europe/Berlin", "2027-10-31T02:30", "2027-10-31T02:30:00+01:00"}, // shown twice: the later
		{"Europe/Berlin", "2027-10-31T03:00", "2027-10-31T03:00:00+01:00"},
		{"Australia/Lord_Howe", "2027-04-04T01:45", "2027-04-04T01:45:00+10:30"}, // clocks go back by half an hour
		{"America/New_York", "2026-11-01T01:10:20", "2026-11-01T01:10:20-05:00"},
		{"UTC", " 2026-11-30T18:00 ", "2026-11-30T18:00:00Z"},
	} {
		at, err := ParseClock(c.typed, place(t, c.zone))
		if err != nil || at.Format(time.RFC3339) != c.want {
			t.Errorf("%s in %s is %s, %v; want %s", c.typed, c.zone, at.Format(time.RFC3339), err, c.want)
		}
	}
	for typed, want := range map[string]error{
		"2027-03-28T02:00": ErrSkipped, "2027-03-28T02:59": ErrSkipped, "2026-11-30": ErrClock, "soon": ErrClock, "": ErrClock, "1999-01-01T00:00": ErrClock, "3000-01-01T00:00": ErrClock,
		"2026-02-29T10:00": ErrClock,
	} {
		if at, err := ParseClock(typed, place(t, "Europe/Berlin")); !errors.Is(err, want) {
			t.Errorf("%q is %s, %v; want %v", typed, at, err, want)
		}
	}
}
