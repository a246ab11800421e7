package billing

import (
	"errors"
	"fmt"
	"math/big"
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

// MaxMoney is the largest amount that a person types: 10 million million minor units.
const MaxMoney int64 = 10_000_000_000_000

// ErrMoney is the sentinel of every text that is no amount of money.
var ErrMoney = errors.New("not an amount")

// ParseMoney reads an amount above zero in the currency's major unit, e.g. "12.50", exactly. The error is a sentence for the person
// who typed it.
func ParseMoney(s string, currency Currency) (Money, error) {
	m := Money{Currency: currency}
	places, err := currency.MinorDigits()
	if err != nil {
		return m, err
	}
	number, err := typed.ParseNumber(s, "12.50")
	if err != nil {
		return m, fmt.Errorf("%w: %w", ErrMoney, err)
	}
	m.Minor, err = number.Scaled(places)
	switch {
	case errors.Is(err, typed.ErrTooLarge), m.Minor > MaxMoney:
		return m, fmt.Errorf("%w: the highest is %s", ErrMoney, Money{MaxMoney, currency})
	case err != nil:
		return m, fmt.Errorf("%w: %w", ErrMoney, err)
	case m.Minor <= 0:
		return m, fmt.Errorf("%w: it has to be more than zero", ErrMoney)
	}
	return m, nil
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
	return decimalPrice(big.NewInt(p.Millionths), 6, p.Currency)
}

// Hour gives what an hour at a rate costs, exactly, as String does: nothing is rounded before it is paid. A rate has three
// decimals, so that there are nine at most.
func (p UnitPrice) Hour(rate Rate) string {
	cost := new(big.Int).Mul(big.NewInt(p.Millionths), big.NewInt(int64(rate)))
	return decimalPrice(cost, 9, p.Currency) + " " + string(p.Currency)
}

// decimalPrice writes a number of that many decimals without the zeros at their end, but for the currency's own.
func decimalPrice(n *big.Int, decimals int, currency Currency) string {
	places, err := currency.MinorDigits()
	if err != nil {
		places = 2
	}
	digits := fmt.Sprintf("%0*s", decimals+1, new(big.Int).Abs(n))
	point := len(digits) - decimals
	fraction := strings.TrimRight(digits[point:], "0")
	for len(fraction) < places {
		fraction += "0"
	}
	sign := ""
	if n.Sign() < 0 {
		sign = "-"
	}
	if fraction == "" {
		return sign + digits[:point]
	}
	return sign + digits[:point] + "." + fraction
}
