package billing

import (
	"math"
	"testing"
)

func TestMoneyInWords(t *testing.T) {
	for _, c := range []struct {
		m    Money
		want string
	}{
		{Money{0, "EUR"}, "zero and 00/100 EUR"},
		{Money{907, "EUR"}, "nine and 07/100 EUR"},
		{Money{2100, "EUR"}, "twenty-one and 00/100 EUR"},
		{Money{123_456_789, "USD"}, "one million two hundred thirty-four thousand five hundred sixty-seven and 89/100 USD"},
		{Money{1_000_000, "JPY"}, "one million JPY"},
		{Money{12_340, "KWD"}, "twelve and 340/1000 KWD"},
		{Money{-1_100, "EUR"}, "minus eleven and 00/100 EUR"},
		{Money{math.MinInt64, "JPY"}, "minus nine quintillion two hundred twenty-three quadrillion three hundred seventy-two trillion thirty-six billion eight hundred fifty-four million seven hundred seventy-five thousand eight hundred eight JPY"},
	} {
		if got := c.m.Words(); got != c.want {
			t.Errorf("%s: %q", c.m, got)
		}
	}
}
