package billing

import (
	"errors"
	"fmt"
	"math"
	"math/bits"
	"strconv"
)

// Currency is an ISO 4217 code, e.g. "EUR".
type Currency string

// ErrCurrency is the sentinel of a currency we do not know the minor unit of.
var ErrCurrency = errors.New("unknown currency")

// MinorDigits is the number of decimals of the currency's minor unit.
func (c Currency) MinorDigits() (int, error) {
	switch c {
	case "EUR", "USD", "GBP", "CHF", "SEK", "NOK", "DKK", "PLN", "CZK", "HUF", "RON", "CAD", "AUD", "NZD", "INR", "BRL", "ZAR", "CNY":
		return 2, nil
	case "JPY", "KRW", "ISK", "CLP":
		return 0, nil
	case "KWD", "TND", "JOD":
		return 3, nil
	default:
		return 0, fmt.Errorf("%w: %q", ErrCurrency, string(c))
	}
}

// Money is whole minor units of a currency.
type Money struct {
	Minor    int64
	Currency Currency
}

// String gives e.g. "12.50 EUR".
func (m Money) String() string { return m.Decimal() + " " + string(m.Currency) }

// Decimal is String without the currency.
func (m Money) Decimal() string {
	places, err := m.Currency.MinorDigits()
	if err != nil || places == 0 {
		return strconv.FormatInt(m.Minor, 10)
	}
	digits := fmt.Sprintf("%0*d", places+1, magnitude(m.Minor))
	sign := ""
	if m.Minor < 0 {
		sign = "-"
	}
	point := len(digits) - places
	return sign + digits[:point] + "." + digits[point:]
}

// UnitPrice is the price of one compute hour in millionths of the currency's major unit.
type UnitPrice struct {
	Millionths int64
	Currency   Currency
}

// Price is what hours cost at this unit price. It is the one place that rounds money: once for each order line,
// half to even.
func (p UnitPrice) Price(h Hours) (Money, error) {
	places, err := p.Currency.MinorDigits()
	if err != nil {
		return Money{}, err
	}
	if p.Millionths < 0 || h < 0 {
		return Money{}, fmt.Errorf("%d mcs at %d millionths: %w", h, p.Millionths, ErrHours)
	}
	// minor = millionths × 10^places / 10^6 × mcs / 3 600 000, in one 128-bit division.
	divisor := uint64(ComputeHour) * uint64(math.Pow10(6-places))
	hi, lo := bits.Mul64(uint64(p.Millionths), uint64(h))
	if hi >= divisor {
		return Money{}, fmt.Errorf("%d mcs at %d millionths: %w", h, p.Millionths, ErrOverflow)
	}
	q, rest := bits.Div64(hi, lo, divisor)
	q += roundUp(q, rest, divisor, halfEven)
	if q > math.MaxInt64 {
		return Money{}, fmt.Errorf("%d mcs at %d millionths: %w", h, p.Millionths, ErrOverflow)
	}
	return Money{Minor: int64(q), Currency: p.Currency}, nil
}

func share(minor int64, part, whole Hours) int64 {
	hi, lo := bits.Mul64(uint64(minor), uint64(part))
	q, rest := bits.Div64(hi, lo, uint64(whole))
	return int64(q + roundUp(q, rest, uint64(whole), halfEven))
}
