package billing

import (
	"math/bits"
	"slices"
	"time"
)

// Pace is how fast hours are used: so many in so long. The zero Pace uses none.
type Pace struct {
	Used Hours
	Over time.Duration // whole seconds
}

// PaceOf is the pace of what runs at a rate.
func PaceOf(r Rate) Pace { return Pace{Used: Hours(r), Over: time.Second} }

// forecastYears is how far a forecast looks.
const forecastYears = 10

// EmptyAt says when a wallet is empty if hours go on being used at the pace: first what is set aside, then its lots, the
// earliest expiry first, and what expires before its turn is lost. ok is false where nothing is used, and where the
// hours last for more than ten years. Which pools a lot is good on is not asked.
func EmptyAt(now time.Time, pace Pace, setAside Hours, lots []Lot) (at time.Time, ok bool) {
	if pace.Used <= 0 || pace.Over < time.Second {
		return time.Time{}, false
	}
	horizon := now.AddDate(forecastYears, 0, 0)
	at = pace.spend(now, horizon, max(setAside, 0))
	ordered := slices.Clone(lots)
	slices.SortFunc(ordered, func(a, b Lot) int { return compareExpiry(a.ExpiresAt, b.ExpiresAt, a.ID, b.ID) })
	for _, l := range ordered {
		if l.Available <= 0 || l.Expired(at) {
			continue
		}
		end := pace.spend(at, horizon, l.Available)
		if !l.ExpiresAt.IsZero() && end.After(l.ExpiresAt) {
			end = l.ExpiresAt
		}
		at = end
	}
	if !at.Before(horizon) {
		return time.Time{}, false
	}
	return at, true
}

// spend is when hours that are begun at a time are used up, at the latest the horizon; down to a whole second.
func (p Pace) spend(from, horizon time.Time, h Hours) time.Time {
	hi, lo := bits.Mul64(uint64(h), uint64(p.Over/time.Second))
	if hi >= uint64(p.Used) {
		return horizon
	}
	seconds, _ := bits.Div64(hi, lo, uint64(p.Used))
	if seconds >= uint64(horizon.Unix()-from.Unix()) {
		return horizon
	}
	return from.Add(time.Duration(seconds) * time.Second)
}
