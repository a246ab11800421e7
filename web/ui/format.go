package ui

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"volary.dev/provisioner/refusal"
)

// mcsPerHour is one compute hour in milli-compute-seconds.
const mcsPerHour = 3_600_000

// Hours shows milli-compute-seconds as compute hours with two decimals, halves away from zero: "1 234.50".
func Hours(mcs int64) string { return decimal(mcs, 2) }

// CH is the sign of compute hours wherever a figure has one: "h" is an hour of the clock, and nothing else.
const CH = "CH"

// ComputeHours is Hours with the sign: "1 234.50 CH".
func ComputeHours(mcs int64) string { return Hours(mcs) + " " + CH }

// InCH is the heading of a column of compute hours, whose rows leave the sign out: "Used, CH".
func InCH(what string) string { return what + ", " + CH }

// Breaks is the class of a row's cell with a name: short names are kept in one line, long ones break.
func Breaks(name string) string {
	if utf8.RuneCountInString(name) <= shortName {
		return "keep"
	}
	return "breaks"
}

// shortName is how many characters every column has room for.
const shortName = 16

// HoursFine is Hours with four decimals, for a single node or ledger entry.
func HoursFine(mcs int64) string { return decimal(mcs, 4) }

// HoursTyped shows an amount as it was understood: every decimal that a form takes, and two at least.
func HoursTyped(mcs int64) string {
	s := decimal(mcs, 5)
	for range 3 {
		s = strings.TrimSuffix(s, "0")
	}
	return s
}

// HoursExact is the same quantity without rounding, in compute seconds: "1 234.567 compute seconds".
func HoursExact(mcs int64) string {
	return ComputeSeconds(mcs) + " compute seconds"
}

// ComputeSeconds is HoursExact without its unit, for a column that names it.
func ComputeSeconds(mcs int64) string {
	sign := ""
	if mcs < 0 {
		sign, mcs = "−", -mcs
	}
	return sign + thousands(mcs/1000) + fmt.Sprintf(".%03d", mcs%1000)
}

func decimal(mcs int64, places int) string {
	unit := int64(1)
	for range places {
		unit *= 10
	}
	sign := ""
	if mcs < 0 {
		sign, mcs = "−", -mcs
	}
	whole, rest := mcs/mcsPerHour, mcs%mcsPerHour
	fraction := (rest*unit + mcsPerHour/2) / mcsPerHour
	if fraction == unit {
		whole, fraction = whole+1, 0
	}
	if whole == 0 && fraction == 0 {
		sign = ""
	}
	return fmt.Sprintf("%s%s.%0*d", sign, thousands(whole), places, fraction)
}

// Count shows an integer with separated thousands.
func Count[T ~int | ~int64 | ~uint32](n T) string { return refusal.Count(n) }

func thousands(n int64) string { return refusal.Count(n) }

// Bytes shows a size in the largest binary unit that leaves at least 1: "1.5 GiB".
func Bytes(n int64) string { return refusal.Bytes(n) }

// MiB shows a memory size given in MiB.
func MiB(n int) string { return Bytes(int64(n) << 20) }

// Duration shows a length of time in its two largest units: "12 ms", "2.3 s", "4 min 10 s", "3 h 5 min", "2 d 4 h".
func Duration(d time.Duration) string {
	if d < 0 {
		return "−" + Duration(-d)
	}
	if d > 0 && d < 100*time.Millisecond {
		return strconv.FormatInt(max(d.Milliseconds(), 1), 10) + " ms"
	}
	switch d = d.Round(100 * time.Millisecond); {
	case d < time.Minute:
		return strings.TrimSuffix(strconv.FormatFloat(d.Seconds(), 'f', 1, 64), ".0") + " s"
	case d < time.Hour:
		return pair(int64(d/time.Minute), "min", int64(d%time.Minute/time.Second), "s")
	case d < 24*time.Hour:
		return pair(int64(d/time.Hour), "h", int64(d%time.Hour/time.Minute), "min")
	default:
		day := 24 * time.Hour
		return pair(int64(d/day), "d", int64(d%day/time.Hour), "h")
	}
}

func pair(a int64, unitA string, b int64, unitB string) string {
	first := strconv.FormatInt(a, 10) + " " + unitA
	if b == 0 {
		return first
	}
	return first + " " + strconv.FormatInt(b, 10) + " " + unitB
}

// Clock shows an instant in the reader's zone, named: "22 Nov 2026, 15:20 UTC". A nil zone is UTC.
func Clock(t time.Time, zone *time.Location) string {
	return in(t, zone).Format("2 Jan 2006, 15:04 MST")
}

// ClockSeconds is Clock to the second, for what is counted by it.
func ClockSeconds(t time.Time, zone *time.Location) string {
	return in(t, zone).Format("2 Jan 2006, 15:04:05 MST")
}

// ClockNear shows an instant soon after now: the time alone where it is of the same day.
func ClockNear(t, now time.Time, zone *time.Location) string {
	t, now = in(t, zone), in(now, zone)
	if t.Year() == now.Year() && t.YearDay() == now.YearDay() {
		return t.Format("15:04 MST")
	}
	return t.Format("2 Jan, 15:04 MST")
}

// ClockShort shows an instant in a row, beside which it stands in full: "today 15:20" where it is of now's day, "22 Nov, 15:20"
// where it is of now's year, else the day. Which zone it is says the page, once.
func ClockShort(t, now time.Time, zone *time.Location) string { return short(t, now, zone, "15:04") }

// DayShort is ClockShort of what one asks the day of: "22 Nov" where ClockShort has the time, too.
func DayShort(t, now time.Time, zone *time.Location) string {
	day, _, _ := strings.Cut(ClockShort(t, now, zone), ",")
	return day
}

func paperDay(t, now time.Time, zone *time.Location) string {
	if t = in(t, zone); t.Year() != in(now, zone).Year() {
		return t.Format("2 Jan 2006")
	}
	return t.Format("2 Jan")
}

// ClockShortSeconds is ClockShort to the second.
func ClockShortSeconds(t, now time.Time, zone *time.Location) string {
	return short(t, now, zone, "15:04:05")
}

func short(t, now time.Time, zone *time.Location, clock string) string {
	t, now = in(t, zone), in(now, zone)
	switch {
	case t.Year() != now.Year():
		return t.Format("2 Jan 2006")
	case t.YearDay() != now.YearDay():
		return t.Format("2 Jan, " + clock)
	default:
		return t.Format("today " + clock)
	}
}

func in(t time.Time, zone *time.Location) time.Time {
	if zone == nil {
		zone = time.UTC
	}
	return t.In(zone)
}

// Plural picks the word for a count and puts the number before it: "1 node", "3 nodes".
func Plural[T ~int | ~int64](n T, one, many string) string { return refusal.Plural(n, one, many) }

// fewest is how many a share in per cent has to rest on.
const fewest = 30

// PartOf shows a part of a whole: "16 of 18" below thirty, for a single one more would change a percentage there by more than
// three; above in per cent, rounded to one decimal, and to more where one would say all or none of what is neither.
func PartOf(part, whole int) string {
	if whole < fewest {
		return Count(part) + " of " + Count(whole)
	}
	if part <= 0 || part >= whole {
		return Count(int64(part)*100/int64(whole)) + " %"
	}
	for places := 1; ; places++ {
		s := strconv.FormatFloat(float64(part)*100/float64(whole), 'f', places, 64)
		if n, _ := strconv.ParseFloat(s, 64); n > 0 && n < 100 {
			return s + " %"
		}
	}
}

// Short cuts a digest to its first twelve characters; the whole of it belongs in a title or a detail.
func Short(digest string) string {
	if len(digest) <= 12 {
		return digest
	}
	return digest[:12] + "…"
}
