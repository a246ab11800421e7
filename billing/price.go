package billing

import (
	"errors"
	"fmt"
	"strings"

	"volary.dev/provisioner/typed"
)

// MaxUnitPrice is the largest price of a compute hour, in millionths: a million of the currency's major unit.
const MaxUnitPrice int64 = 1_000_000_000_000

// ErrPrice is the sentinel of every text that is no price of a compute hour.
var ErrPrice = errors.New("not a price")

// ParseUnitPrice reads the price of one compute hour in the currency's major unit, e.g. "0.0125", exactly (typed.ParseNumber):
// at most six decimals, more than zero, at most MaxUnitPrice. The error is a sentence for the person who typed it.
func ParseUnitPrice(s string, currency Currency) (UnitPrice, error) {
	p := UnitPrice{Currency: currency}
	number, err := typed.ParseNumber(s, "0.0125")
	if err != nil {
		return p, fmt.Errorf("%w: %w", ErrPrice, err)
	}
	p.Millionths, err = number.Scaled(6)
	switch {
	case errors.Is(err, typed.ErrTooLarge):
		return p, fmt.Errorf("%w: the highest is %s for a compute hour", ErrPrice, UnitPrice{MaxUnitPrice, currency})
	case err != nil:
		return p, fmt.Errorf("%w: %w", ErrPrice, err)
	case p.Millionths < 0:
		return p, fmt.Errorf("%w: write a number such as 0.0125, more than zero", ErrPrice)
	}
	return p, p.Check()
}

// Check refuses a price that nothing can be sold at.
func (p UnitPrice) Check() error {
	if p.Millionths <= 0 {
		return fmt.Errorf("%w: it has to be more than zero; hours without a price are granted, not sold", ErrPrice)
	}
	if p.Millionths > MaxUnitPrice {
		return fmt.Errorf("%w: the highest is %s for a compute hour", ErrPrice, UnitPrice{MaxUnitPrice, p.Currency})
	}
	return nil
}

// String gives the price of a compute hour exactly, with at least the currency's own decimals: "0.0125 EUR", "2.00 EUR".
func (p UnitPrice) String() string { return p.Decimal() + " " + string(p.Currency) }

// Decimal is String without the currency.
func (p UnitPrice) Decimal() string {
	places, err := p.Currency.MinorDigits()
	if err != nil {
		places = 2
	}
	digits := fmt.Sprintf("%07d", magnitude(p.Millionths))
	point := len(digits) - 6
	fraction := strings.TrimRight(digits[point:], "0")
	for len(fraction) < places {
		fraction += "0"
	}
	sign := ""
	if p.Millionths < 0 {
		sign = "-"
	}
	if fraction == "" {
		return sign + digits[:point]
	}
	return sign + digits[:point] + "." + fraction
}
