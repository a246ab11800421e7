package books

import (
	"testing"
	"time"
)

// TestDaysBeginWhereClocksFirstShowThem has days without a midnight, with two, and of two zones.
func TestDaysBeginWhereClocksFirstShowThem(t *testing.T) {
	for _, c := range []struct {
		name  string
		zones []string
		now   string
		want  []string // zone, day, begin and end
	}{
		{"two midnights", []string{"America/Havana"}, "2026-11-01T12:00:00Z", []string{
			"America/Havana 2026-10-31 2026-10-31T04:00:00Z 2026-11-01T04:00:00Z", "America/Havana 2026-11-01 2026-11-01T04:00:00Z 2026-11-02T05:00:00Z",
		}},
		{"no midnight", []string{"America/Havana"}, "2026-03-08T12:00:00Z", []string{
			"America/Havana 2026-03-07 2026-03-07T05:00:00Z 2026-03-08T05:00:00Z", "America/Havana 2026-03-08 2026-03-08T05:00:00Z 2026-03-09T04:00:00Z",
		}},
		{"two zones, one of which is a day on", []string{"Pacific/Auckland", "UTC"}, "2026-06-01T13:00:00Z", []string{
			"Pacific/Auckland 2026-06-01 2026-05-31T12:00:00Z 2026-06-01T12:00:00Z", "Pacific/Auckland 2026-06-02 2026-06-01T12:00:00Z 2026-06-02T12:00:00Z",
			"UTC 2026-06-01 2026-06-01T00:00:00Z 2026-06-02T00:00:00Z", "UTC 2026-06-02 2026-06-02T00:00:00Z 2026-06-03T00:00:00Z",
		}},
		{"no provider", nil, "2026-06-01T13:00:00Z", []string{
			"UTC 2026-05-31 2026-05-31T00:00:00Z 2026-06-01T00:00:00Z", "UTC 2026-06-01 2026-06-01T00:00:00Z 2026-06-02T00:00:00Z",
		}},
	} {
		now, err := time.Parse(time.RFC3339, c.now)
		if err != nil {
			t.Fatal(err)
		}
		b, err := boundsOf(c.zones, now, 2)
		if err != nil || len(b.days) != len(c.want) {
			t.Fatalf("%s: %v, %v", c.name, b, err)
		}
		for i, want := range c.want {
			got := b.zones[i] + " " + b.days[i] + " " + b.begins[i].UTC().Format(time.RFC3339) + " " + b.ends[i].UTC().Format(time.RFC3339)
			if got != want {
				t.Errorf("%s: %s, want %s", c.name, got, want)
			}
		}
	}
}
