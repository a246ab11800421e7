package billing

import (
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"
	"volary.dev/provisioner/typed"
)

func TestParseUnitPrice(t *testing.T) {
	for _, c := range []struct {
		in, want string // want is empty where the text is refused
		says     string
	}{
		{"0.0125", "0.0125 EUR", ""},
		{" 0,045 ", "0.045 EUR", ""},
		{"2", "2.00 EUR", ""},
		{"0.000001", "0.000001 EUR", ""},
		{"1000000", "1000000.00 EUR", ""},
		{"1000000.000001", "", "the highest is 1000000.00 EUR"},
		{strings.Repeat("9", 40), "", "the highest is"},
		{"0", "", "more than zero"},
		{"0.000000", "", "more than zero"},
		{"-1", "", "write a number"},
		{"1.125", "", "1.125 can be 1.125 or 1125: write 1.1250 or 1125"},
		{"1,000", "", "1,000 can be 1 or 1000: write 1 or 1000"},
		{"+1", "1.00 EUR", ""},
		{"0.0000001", "", "at most six decimals"},
		{"1.", "", "write a number"},
		{".5", "0.50 EUR", ""},
		{"1.2.3", "", "write a number"},
		{"1e3", "", "exponent"},
		{"", "", "write a number"},
	} {
		got, err := ParseUnitPrice(c.in, "EUR")
		if c.want != "" && (err != nil || got.String() != c.want) {
			t.Errorf("ParseUnitPrice(%q) = %s, %v", c.in, got, err)
		}
		if c.want == "" && (!errors.Is(err, ErrPrice) || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("ParseUnitPrice(%q): %v", c.in, err)
		}
	}
}

func TestUnitPriceReadsBackAsItWasWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := UnitPrice{
			Millionths: rapid.Int64Range(1, MaxUnitPrice).Draw(t, "millionths"),
			Currency:   rapid.SampledFrom([]Currency{"EUR", "JPY", "KWD"}).Draw(t, "currency"),
		}
		got, err := ParseUnitPrice(typed.Text(p.Millionths, 6), p.Currency)
		if err != nil || got != p {
			t.Fatalf("%+v is written %s and read %+v, %v", p, p, got, err)
		}
	})
}

// What an hour of a node costs is told exactly: a small node's share of a cent is not lost.
func TestHourIsNotRounded(t *testing.T) {
	for want, c := range map[string]struct {
		millionths int64
		rate       Rate
		currency   Currency
	}{
		"0.0125 EUR": {12_500, 1000, "EUR"}, "0.05 EUR": {12_500, 4000, "EUR"}, "0.003125 EUR": {12_500, 250, "EUR"}, "0.000000001 EUR": {1, 1, "EUR"},
		"2.00 EUR": {2_000_000, 1000, "EUR"}, "3 JPY": {3_000_000, 1000, "JPY"}, "4.5 JPY": {3_000_000, 1500, "JPY"},
		"1000000000000.00 EUR": {MaxUnitPrice, MaxRate, "EUR"},
	} {
		if got := (UnitPrice{Millionths: c.millionths, Currency: c.currency}).Hour(c.rate); got != want {
			t.Errorf("%d millionths at rate %d: %s, want %s", c.millionths, c.rate, got, want)
		}
	}
}
