package ui_test

import (
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"volary.dev/web/ui"
)

func TestHours(t *testing.T) {
	const hour = 3_600_000
	for _, c := range []struct {
		mcs                int64
		two, four, exactly string
	}{
		{0, "0.00", "0.0000", "0.000 compute seconds"},
		{hour, "1.00", "1.0000", "3 600.000 compute seconds"},
		{hour / 2, "0.50", "0.5000", "1 800.000 compute seconds"},
		{17_999, "0.00", "0.0050", "17.999 compute seconds"},
		{18_000, "0.01", "0.0050", "18.000 compute seconds"},
		{hour - 1, "1.00", "1.0000", "3 599.999 compute seconds"},
		{1234*hour + 5*hour/10, "1 234.50", "1 234.5000", "4 444 200.000 compute seconds"},
		{-hour, "−1.00", "−1.0000", "−3 600.000 compute seconds"},
		{-1, "0.00", "0.0000", "−0.001 compute seconds"},
	} {
		thin := func(s string) string { return strings.ReplaceAll(s, "\u202f", " ") }
		if got := thin(ui.Hours(c.mcs)); got != c.two {
			t.Errorf("Hours(%d) = %q, want %q", c.mcs, got, c.two)
		}
		if got := thin(ui.HoursFine(c.mcs)); got != c.four {
			t.Errorf("HoursFine(%d) = %q, want %q", c.mcs, got, c.four)
		}
		if got := thin(ui.HoursExact(c.mcs)); got != c.exactly {
			t.Errorf("HoursExact(%d) = %q, want %q", c.mcs, got, c.exactly)
		}
	}
}

func TestDuration(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0:                                     "0 s",
		300 * time.Microsecond:                "1 ms",
		12 * time.Millisecond:                 "12 ms",
		2340 * time.Millisecond:               "2.3 s",
		time.Minute:                           "1 min",
		250 * time.Second:                     "4 min 10 s",
		3*time.Hour + 5*time.Minute:           "3 h 5 min",
		52 * time.Hour:                        "2 d 4 h",
		-time.Minute:                          "−1 min",
		59*time.Second + 999*time.Millisecond: "1 min",
	} {
		if got := ui.Duration(d); got != want {
			t.Errorf("Duration(%v) = %q, want %q", d, got, want)
		}
	}
}

func TestBytes(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1 KiB", 1536: "1.5 KiB", 1 << 30: "1 GiB", 612_000_000: "583.6 MiB"} {
		if got := ui.Bytes(n); got != want {
			t.Errorf("Bytes(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"head login: ":              "head login: ",
		"a\r\nb":                    "a\nb",
		"a\n\rb\r\n\r\nc":           "a\nb\n\nc",
		"\x1b[1;32mgreen\x1b[0m":    "green",
		"\x1b]0;title\x07text":      "text",
		"\x1b]8;;evil\x1b\\link":    "link",
		"\x1b[31":                   "",
		"\x1b(Bplain":               "Bplain",
		"bell\x07":                  "bell^G",
		"\x00\x7f":                  "^@^?",
		"\u202egnp.exe":             "\ufffdgnp.exe",
		"\xff\xfe":                  "\ufffd",
		"<script>alert(1)</script>": "<script>alert(1)</script>",
		"ünï ☃":                     "ünï ☃",
	} {
		if got := ui.Printable(in); got != want {
			t.Errorf("Printable(%q) = %q, want %q", in, got, want)
		}
	}
}

// FuzzPrintable lets no control but newline and tab through, whatever a guest writes.
func FuzzPrintable(f *testing.F) {
	f.Add("\x1b[0mtext\x1b]0;t\x07\r\n\u202e\xff")
	f.Fuzz(func(t *testing.T, in string) {
		out := ui.Printable(in)
		if !utf8.ValidString(out) {
			t.Fatalf("%q is not UTF-8", out)
		}
		for _, r := range out {
			if r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
				t.Fatalf("%U came through from %q", r, in)
			}
		}
	})
}

func TestPartOf(t *testing.T) {
	for want, c := range map[string][2]int{
		"16 of 18": {16, 18}, "0 of 0": {0, 0}, "29 of 29": {29, 29}, "100 %": {30, 30}, "0 %": {0, 30},
		"96.7 %": {29, 30}, "98.4 %": {124, 126}, "99.9 %": {999, 1000}, "99.96 %": {2499, 2500}, "99.998 %": {49_999, 50_000}, "0.002 %": {1, 50_000},
	} {
		if got := ui.PartOf(c[0], c[1]); got != want {
			t.Errorf("%d of %d: %q, want %q", c[0], c[1], got, want)
		}
	}
}

// TestClockShort: what a row leaves out is what now says already.
func TestClockShort(t *testing.T) {
	berlin := time.FixedZone("CET", 3600)
	now := time.Date(2026, 11, 29, 23, 30, 0, 0, time.UTC)
	for _, c := range []struct {
		at                  time.Time
		zone                *time.Location
		short, seconds, day string
	}{
		{now.Add(-time.Hour), nil, "today 22:30", "today 22:30:00", "today 22:30"},
		{now.Add(-time.Hour), berlin, "29 Nov, 23:30", "29 Nov, 23:30:00", "29 Nov"}, // now is the 30th there
		{now.Add(-24 * time.Hour), nil, "28 Nov, 23:30", "28 Nov, 23:30:00", "28 Nov"},
		{now.AddDate(-1, 0, 0), nil, "29 Nov 2025", "29 Nov 2025", "29 Nov 2025"},
		{now.AddDate(0, 2, 0), nil, "29 Jan 2027", "29 Jan 2027", "29 Jan 2027"},
	} {
		short, seconds, day := ui.ClockShort(c.at, now, c.zone), ui.ClockShortSeconds(c.at, now, c.zone), ui.DayShort(c.at, now, c.zone)
		if short != c.short || seconds != c.seconds || day != c.day {
			t.Errorf("%v in %v is %q, %q and %q, want %q, %q and %q", c.at, c.zone, short, seconds, day, c.short, c.seconds, c.day)
		}
	}
}
