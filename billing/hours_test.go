package billing

import (
	"errors"
	"math"
	"testing"
)

func TestParseHours(t *testing.T) {
	for _, c := range []struct {
		in   string
		want Hours
		ok   bool
	}{
		{"8", 8 * ComputeHour, true},
		{"3.25", 11_700_000, true},
		{" 0.00001 ", 36, true},
		{"1000000000", MaxHours, true},
		{"1000000000.00001", 0, false},
		{"99999999999999999999", 0, false},
		{"0", 0, false},
		{"0.00000", 0, false},
		{"-1", 0, false},
		{"+1", ComputeHour, true},
		{"1.000001", 0, false},
		{"1.", 0, false},
		{".5", ComputeHour / 2, true},
		{"1e3", 0, false},
		{"1,5", 5_400_000, true},
		{"1,000", 0, false},
		{"1.000", 0, false},
		{"1 000", 1000 * ComputeHour, true},
		{"", 0, false},
		{"NaN", 0, false},
	} {
		got, err := ParseHours(c.in)
		if (err == nil) != c.ok || c.ok && got != c.want {
			t.Errorf("ParseHours(%q) = %d, %v", c.in, got, err)
		}
		if err != nil && !errors.Is(err, ErrHours) {
			t.Errorf("ParseHours(%q): %v is not ErrHours", c.in, err)
		}
	}
}

func TestHoursAsText(t *testing.T) {
	for _, c := range []struct {
		h                    Hours
		floor, ceil, decimal string
	}{
		{0, "0.00", "0.00", "0.000000"},
		{1, "0.00", "0.01", "0.000000"},
		{ComputeHour, "1.00", "1.00", "1.000000"},
		{11_700_000, "3.25", "3.25", "3.250000"},
		{11_699_999, "3.24", "3.25", "3.250000"},
		{-11_700_000, "-3.25", "-3.25", "-3.250000"},
		{math.MaxInt64, "2562047788015.21", "2562047788015.22", "2562047788015.215502"},
	} {
		if c.h.String() != c.floor || c.h.Ceil() != c.ceil || c.h.Decimal() != c.decimal {
			t.Errorf("%d mcs: %s %s %s", c.h, c.h, c.h.Ceil(), c.h.Decimal())
		}
	}
}

func TestShapeRate(t *testing.T) {
	for _, c := range []struct {
		vcpus, memory int
		want          Rate
	}{
		{1, 4096, 1000},
		{1, 512, 1000},
		{1, 8192, 2000},
		{1, 4097, 1001},
		{4, 4096, 4000},
		{2, 12288, 3000},
		{0, 0, 0},
		{-1, -1, 0},
	} {
		if got := ShapeRate(c.vcpus, c.memory); got != c.want {
			t.Errorf("ShapeRate(%d, %d) = %d, not %d", c.vcpus, c.memory, got, c.want)
		}
	}
}

func TestNeedRefusesWhatCannotBeBooked(t *testing.T) {
	if need, err := Need([]Rate{1000, 1000, 2000}, 3600); err != nil || need != 4*ComputeHour {
		t.Errorf("Need = %d, %v", need, err)
	}
	for _, rates := range [][]Rate{{0}, {-5}, {MaxRate + 1}} {
		if _, err := Need(rates, 1); !errors.Is(err, ErrHours) {
			t.Errorf("Need(%v): %v", rates, err)
		}
	}
	if _, err := Need([]Rate{MaxRate}, math.MaxInt64); !errors.Is(err, ErrOverflow) {
		t.Errorf("enormous lease: %v", err)
	}
	if _, err := Need([]Rate{1000}, -1); !errors.Is(err, ErrHours) {
		t.Errorf("negative lease: %v", err)
	}
}

func TestPriceRoundsOnceHalfToEven(t *testing.T) {
	eur := func(millionths int64) UnitPrice { return UnitPrice{millionths, "EUR"} }
	for _, c := range []struct {
		price UnitPrice
		hours Hours
		want  string
	}{
		{eur(12_500), 1000 * ComputeHour, "12.50 EUR"},
		{eur(5_000), ComputeHour, "0.00 EUR"},
		{eur(15_000), ComputeHour, "0.02 EUR"},
		{eur(5_001), ComputeHour, "0.01 EUR"},
		{UnitPrice{1_500_000, "JPY"}, ComputeHour, "2 JPY"},
		{UnitPrice{1_500, "KWD"}, ComputeHour, "0.002 KWD"},
	} {
		got, err := c.price.Price(c.hours)
		if err != nil || got.String() != c.want {
			t.Errorf("%v × %d = %s, %v; want %s", c.price, c.hours, got, err, c.want)
		}
	}
	if _, err := eur(math.MaxInt64).Price(math.MaxInt64); !errors.Is(err, ErrOverflow) {
		t.Errorf("enormous price: %v", err)
	}
	if _, err := (UnitPrice{1, "XXX"}).Price(1); !errors.Is(err, ErrCurrency) {
		t.Errorf("unknown currency: %v", err)
	}
}
