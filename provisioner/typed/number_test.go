package typed

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestNumbersAreReadAsMeantOrRefused(t *testing.T) {
	for _, c := range []struct{ in, want, says string }{
		{"1000", "1000", ""},
		{"1.5", "1.5", ""},
		{"1,5", "1.5", ""},
		{"0,045", "0.045", ""}, // a nought is no thousand
		{"1234,567", "1234.567", ""},
		{"1.1250", "1.125", ""},
		{".5", "0.5", ""},
		{"007", "7", ""},
		{"12,34", "12.34", ""},
		{"1,0000", "1", ""},
		{"+1", "1", ""},
		{"-1", "-1", ""},
		{"\u22121,5", "-1.5", ""},
		{" \u00a01000\ufeff\n", "1000", ""},
		{"\u200b8", "8", ""},
		{"1 000", "1000", ""},
		{"1\u00a0234.50", "1234.5", ""}, // as our pages show it
		{"1\u202f234,50", "1234.5", ""},
		{"1\u2009000\u2009000", "1000000", ""},
		{"1'000", "1000", ""},
		{"1\u2019000.25", "1000.25", ""},
		{"1,000.50", "1000.5", ""},
		{"1.000,50", "1000.5", ""},
		{"1,000,000", "1000000", ""},
		{"1.000.000", "1000000", ""},
		{"１０００", "1000", ""},
		{"１，５", "1.5", ""},
		{"١٠٠٠", "1000", ""},
		{"١٫٥٠٠", "1.5", ""},
		{"१.५", "1.5", ""},

		{"1,000", "", "1,000 can be 1 or 1000: write 1 or 1000"},
		{"10,000", "", "10,000 can be 10 or 10000: write 10 or 10000"},
		{"1.000", "", "1.000 can be 1 or 1000"},
		{"1,500", "", "1,500 can be 1.5 or 1500: write 1.5 or 1500"},
		{"1.125", "", "write 1.1250 or 1125"},
		{"999,999", "", "999,999 can be 999.999 or 999999: write 999.9990 or 999999"},
		{"-1,000", "", "can be"},
		{"１，０００", "", "1,000 can be 1 or 1000"},
		{"١,٠٠٠", "", "can be"},
		{"1e3", "", "exponent"},
		{"1.5E-3", "", "exponent"},
		{"1٣", "", "different scripts"},
		{"1.", "", "write a number such as 8"},
		{",", "", "write a number"},
		{"", "", "write a number"},
		{" ", "", "write a number"},
		{"1.2.3", "", "write a number"},
		{"1 00", "", "write a number"},
		{"10 0000", "", "write a number"},
		{"0 100", "", "write a number"},
		{"1'000 000", "", "write a number"},
		{"1,00,000", "", "write a number"},
		{"1_000", "", "write a number"},
		{"0x10", "", "write a number"},
		{"5 €", "", "write a number"},
		{"8h", "", "write a number"},
		{"½", "", "write a number"},
		{"2²", "", "write a number"},
		{"NaN", "", "write a number"},
		{"--1", "", "write a number"},
		{"1-", "", "write a number"},
		{"three", "", "write a number"},
	} {
		n, err := ParseNumber(c.in, "8 or 3.25")
		if c.says == "" && (err != nil || n.String() != c.want) {
			t.Errorf("%q is %s, %v", c.in, n, err)
		}
		if c.says != "" && (!errors.Is(err, ErrNumber) || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%q: %s, %v", c.in, n, err)
		}
	}
}

// Each way that a refusal offers is taken, and is the reading it stands for.
func TestWaysOutOfTwoReadingsAreTaken(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.StringMatching(`[1-9][0-9]{0,2}[.,][0-9]{3}`).Draw(t, "typed")
		_, err := ParseNumber(s, "8")
		if err == nil {
			t.Fatalf("%s is taken", s)
		}
		_, ways, _ := strings.Cut(err.Error(), ": write ")
		small, large, _ := strings.Cut(ways, " or ")
		a, errA := ParseNumber(small, "8")
		b, errB := ParseNumber(large, "8")
		if errA != nil || errB != nil {
			t.Fatalf("%s: %v, %v", err, errA, errB)
		}
		x, _ := a.Scaled(3)
		y, _ := b.Scaled(0)
		if x != y {
			t.Fatalf("%s offers %s and %s", s, a, b)
		}
	})
}

func TestNumbersAreScaledExactly(t *testing.T) {
	for _, c := range []struct {
		in     string
		places int
		want   int64
		ok     bool
	}{
		{"3.25", 5, 325_000, true},
		{"0.1000000", 1, 1, true}, // noughts at the end say nothing
		{"0.01", 1, 0, false},
		{"-2", 0, -2, true},
		{"2.5", 0, 0, false},
		{"9223372036854775807", 0, 1<<63 - 1, true},
		{"9223372036854775808", 0, 0, false},
	} {
		n, err := ParseNumber(c.in, "1")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := n.Scaled(c.places); got != c.want || (err == nil) != c.ok {
			t.Errorf("%s with %d places: %d, %v", c.in, c.places, got, err)
		}
	}
}

func TestTextIsReadBack(t *testing.T) {
	if s := Text(1_125_000, 6); s != "1.1250" {
		t.Errorf("1.125 is written %s", s)
	}
	rapid.Check(t, func(t *rapid.T) {
		n, places := rapid.Int64().Draw(t, "n"), rapid.IntRange(0, 6).Draw(t, "places")
		number, err := ParseNumber(Text(n, places), "8")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := number.Scaled(places); err != nil || got != n {
			t.Fatalf("%d with %d places is written %s and read %d, %v", n, places, Text(n, places), got, err)
		}
	})
}

func FuzzParseNumber(f *testing.F) {
	for _, s := range []string{"1", "1,000", "1'000.5", "١٫٥", "1e9", "-."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		n, err := ParseNumber(s, "8")
		if err != nil {
			return
		}
		if _, err := n.Scaled(len(n.fraction)); err != nil && !errors.Is(err, ErrTooLarge) {
			t.Errorf("%q: %v", s, err)
		}
	})
}
