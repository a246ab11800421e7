package billing

import (
	"errors"
	"fmt"
	"math"
	"math/bits"

	"volary.dev/provisioner/typed"
)

// Hours is an amount of compute hours in milli-compute-seconds (mcs).
type Hours int64

const (
	// ComputeHour is one compute hour in mcs.
	ComputeHour Hours = 3_600_000
	// MaxHours is the largest amount one grant or hold may have: a thousand million compute hours. Sums of
	// two thousand of them stay within the range of int64.
	MaxHours Hours = 1_000_000_000 * ComputeHour
)

var (
	// ErrHours is the sentinel of every amount of hours that is no amount: unreadable, not positive, too large.
	ErrHours = errors.New("not an amount of compute hours")
	// ErrOverflow is returned where a product would leave the range of int64.
	ErrOverflow = errors.New("amount exceeds what can be booked")
)

// ParseHours reads a positive decimal number of compute hours (typed.ParseNumber) with at most five decimals, which is always a
// whole number of mcs, e.g. "8", "3.25". The error is a sentence for the person who typed it.
func ParseHours(s string) (Hours, error) {
	number, err := typed.ParseNumber(s, "8 or 3.25")
	if err != nil {
		return 0, fmt.Errorf("%w: %w", ErrHours, err)
	}
	n, err := number.Scaled(5)
	switch {
	case errors.Is(err, typed.ErrTooLarge), n > int64(MaxHours/(ComputeHour/100_000)):
		return 0, fmt.Errorf("%w: the largest is %s", ErrHours, MaxHours)
	case err != nil:
		return 0, fmt.Errorf("%w: %w", ErrHours, err)
	case n < 0:
		return 0, fmt.Errorf("%w: write a number such as 8 or 3.25, more than zero", ErrHours)
	}
	h := Hours(n) * (ComputeHour / 100_000)
	return h, h.CheckAmount()
}

// CheckAmount refuses an amount that cannot be granted or set aside.
func (h Hours) CheckAmount() error {
	if h <= 0 {
		return fmt.Errorf("%w: it has to be more than zero", ErrHours)
	}
	if h > MaxHours {
		return fmt.Errorf("%w: the largest is %s", ErrHours, MaxHours)
	}
	return nil
}

// String gives compute hours with two decimals, rounded towards zero: what a balance may be shown as, since it
// never promises more than there is.
func (h Hours) String() string { return h.decimal(2, down) }

// Ceil gives compute hours with two decimals, rounded up: what a need is shown as, so that a refusal never
// reads "8.00 are needed, 8.00 are available".
func (h Hours) Ceil() string { return h.decimal(2, up) }

// Decimal gives compute hours with six decimals, rounded half to even.
func (h Hours) Decimal() string { return h.decimal(6, halfEven) }

type rounding int

const (
	down rounding = iota
	up
	halfEven
)

// decimal is integer arithmetic on the absolute value in 128 bits; the sign is put back in front.
func (h Hours) decimal(places int, r rounding) string {
	scale := uint64(math.Pow10(places))
	hi, lo := bits.Mul64(magnitude(int64(h)), scale)
	q, rest := bits.Div64(hi, lo, uint64(ComputeHour))
	q += roundUp(q, rest, uint64(ComputeHour), r)
	s := fmt.Sprintf("%d.%0*d", q/scale, places, q%scale)
	if h < 0 && q > 0 {
		return "-" + s
	}
	return s
}

func roundUp(q, rest, divisor uint64, r rounding) uint64 {
	switch {
	case rest == 0 || r == down:
		return 0
	case r == up:
		return 1
	case rest > divisor-rest, rest == divisor-rest && q%2 == 1:
		return 1
	default:
		return 0
	}
}

func magnitude(n int64) uint64 {
	if n < 0 {
		return -uint64(n)
	}
	return uint64(n)
}
