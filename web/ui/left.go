package ui

import (
	"strconv"
	"time"

	"github.com/a-h/templ"
)

// Left says how long is left, down to whole units: "2 d 4 h", "3 h 5 min", "59 min 10 s", "42 s", "over". static/js/left.js says it
// in the same words while it counts down.
func Left(d time.Duration) string {
	s := int64(d / time.Second)
	switch {
	case s <= 0:
		return "over"
	case s < 60:
		return strconv.FormatInt(s, 10) + " s"
	case s < 3600:
		return units(s/60, "min", s%60, "s")
	case s < 24*3600:
		return units(s/3600, "h", s%3600/60, "min")
	default:
		return units(s/(24*3600), "d", s%(24*3600)/3600, "h")
	}
}

func units(a int64, unitA string, b int64, unitB string) string {
	return strconv.FormatInt(a, 10) + " " + unitA + " " + strconv.FormatInt(b, 10) + " " + unitB
}

// LeaseNotice is how long before its end a lease is warned of, and warned of urgently; zero: not at all. It is when the mails
// come (store's TellLeaseEnds), a day, an hour and ten minutes before: of a lease longer than that.
func LeaseNotice(lease time.Duration) (soon, last time.Duration) {
	switch {
	case lease > 24*time.Hour:
		return 24 * time.Hour, time.Hour
	case lease > time.Hour:
		return time.Hour, 10 * time.Minute
	case lease > 10*time.Minute:
		return 10 * time.Minute, 2 * time.Minute
	default:
		return 0, 0
	}
}

// LeftProps are those of TimeLeft.
type LeftProps struct {
	Until, Now time.Time     // Now: when the answer was made
	Lease      time.Duration // the whole of it, which says when it is warned of
}

func (p LeftProps) left() time.Duration { return p.Until.Sub(p.Now) }

// Tone is that of the warning; empty: none.
func (p LeftProps) Tone() Tone {
	soon, last := LeaseNotice(p.Lease)
	switch left := p.left(); {
	case left <= 0:
		return ""
	case left <= last:
		return ToneBad
	case left <= soon:
		return ToneWarn
	}
	return ""
}

// attributes are what the script counts by, in seconds.
func (p LeftProps) attributes() templ.Attributes {
	soon, last := LeaseNotice(p.Lease)
	return templ.Attributes{
		"data-left": seconds(p.left()), "data-soon": seconds(soon), "data-last": seconds(last),
	}
}

func seconds(d time.Duration) string { return strconv.FormatInt(int64(d/time.Second), 10) }

// Took says how long a task took, in seconds: "0.4 s", "83.4 s"; what took ten minutes or more in larger units.
func Took(d time.Duration) string {
	if d = max(d, 0); d >= 10*time.Minute {
		return Duration(d)
	}
	return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
}

// ClockNearSeconds is ClockNear to the second.
func ClockNearSeconds(t, now time.Time, zone *time.Location) string {
	t, now = in(t, zone), in(now, zone)
	if t.Year() == now.Year() && t.YearDay() == now.YearDay() {
		return t.Format("15:04:05 MST")
	}
	return t.Format("2 Jan, 15:04:05 MST")
}
