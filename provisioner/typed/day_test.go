package typed

import (
	"testing"
	"time"
	_ "time/tzdata"

	"pgregory.net/rapid"
)

func place(t interface{ Fatal(...any) }, name string) *time.Location {
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

func TestDaysAreWholeWhereClocksSkipMidnight(t *testing.T) {
	for _, c := range []struct{ zone, day, start, end string }{
		{"Atlantic/Azores", "2027-03-27", "2027-03-27T00:00:00-01:00", "2027-03-28T01:00:00Z"},
		{"Atlantic/Azores", "2027-03-28", "2027-03-28T01:00:00Z", "2027-03-29T00:00:00Z"},
		{"Atlantic/Azores", "2026-10-25", "2026-10-25T00:00:00Z", "2026-10-26T00:00:00-01:00"}, // midnight twice: 25 hours
		{"Africa/Cairo", "2027-04-30", "2027-04-30T01:00:00+03:00", "2027-05-01T00:00:00+03:00"},
		{"Africa/Cairo", "2027-04-29", "2027-04-29T00:00:00+02:00", "2027-04-30T01:00:00+03:00"},
		{"America/Santiago", "2026-09-05", "2026-09-05T00:00:00-04:00", "2026-09-06T01:00:00-03:00"},
		{"America/Santiago", "2027-04-03", "2027-04-03T00:00:00-03:00", "2027-04-04T00:00:00-04:00"}, // 23:00 twice
		{"America/Havana", "2027-03-14", "2027-03-14T01:00:00-04:00", "2027-03-15T00:00:00-04:00"},
		{"America/Havana", "2026-11-01", "2026-11-01T00:00:00-04:00", "2026-11-02T00:00:00-05:00"},
		{"Asia/Beirut", "2027-03-28", "2027-03-28T01:00:00+03:00", "2027-03-29T00:00:00+03:00"},
		{"America/Asuncion", "2023-10-01", "2023-10-01T01:00:00-03:00", "2023-10-02T00:00:00-03:00"},
		{"America/Scoresbysund", "2022-03-27", "2022-03-27T01:00:00Z", "2022-03-28T00:00:00Z"},
		{"Pacific/Apia", "2011-12-30", "2011-12-31T00:00:00+14:00", "2011-12-31T00:00:00+14:00"}, // a day that never was
		{"Europe/Berlin", "2027-03-28", "2027-03-28T00:00:00+01:00", "2027-03-29T00:00:00+02:00"},
		{"Australia/Lord_Howe", "2026-10-04", "2026-10-04T00:00:00+10:30", "2026-10-05T00:00:00+11:00"},
		{"UTC", "2028-02-29", "2028-02-29T00:00:00Z", "2028-03-01T00:00:00Z"},
	} {
		d, err := ParseDay(c.day)
		if err != nil {
			t.Fatal(err)
		}
		zone := place(t, c.zone)
		if start, end := d.Start(zone).Format(time.RFC3339), d.End(zone).Format(time.RFC3339); start != c.start || end != c.end {
			t.Errorf("%s in %s is from %s to %s", c.day, c.zone, start, end)
		}
	}
}

// Days part time: each instant is in one, and clocks show that one wherever they were not put back over midnight.
func TestDaysPartTime(t *testing.T) {
	zones := []string{
		"Atlantic/Azores", "Africa/Cairo", "America/Santiago", "America/Havana", "Asia/Beirut", "America/Asuncion", "Asia/Tehran",
		"America/Sao_Paulo", "Asia/Amman", "Asia/Gaza", "Pacific/Apia", "Europe/Lisbon", "Pacific/Kiritimati", "UTC",
	}
	rapid.Check(t, func(t *rapid.T) {
		zone := place(t, rapid.SampledFrom(zones).Draw(t, "zone"))
		d := Day{2000, 1, 1}.Add(rapid.IntRange(0, 20_000).Draw(t, "day"))
		start, end := d.Start(zone), d.End(zone)
		if end.Before(start) || end != d.Next().Start(zone) || end.Sub(start) > 26*time.Hour {
			t.Fatalf("%s is from %s to %s", d, start, end)
		}
		if end.After(start) && (DayOf(start, zone) != d || DayOf(start.Add(-1), zone) == d || DayOf(end, zone) == d) {
			t.Fatalf("clocks do not show %s first at %s and until %s", d, start, end)
		}
	})
}

func TestTodayMeansFromNowOn(t *testing.T) {
	zone := place(t, "Pacific/Kiritimati") // a day ahead of most
	now := time.Date(2026, 11, 29, 11, 0, 0, 0, time.UTC)
	today, tomorrow := Day{2026, 11, 30}, Day{2026, 12, 1}
	if from := today.From(now, zone); !from.Equal(now) {
		t.Errorf("today begins at %s", from)
	}
	if from := tomorrow.From(now, zone); !from.Equal(time.Date(2026, 11, 30, 10, 0, 0, 0, time.UTC)) {
		t.Errorf("tomorrow begins at %s", from)
	}
}

func TestParseDay(t *testing.T) {
	for _, s := range []string{"", "2026-11-31", "30.11.2026", "1999-12-31", "3000-01-01", "2026-1-2", "today"} {
		if d, err := ParseDay(s); err == nil {
			t.Errorf("%q is %s", s, d)
		}
	}
	if d, err := ParseDay("\u00a02026-11-30 "); err != nil || d.String() != "2026-11-30" {
		t.Errorf("%s, %v", d, err)
	}
}
