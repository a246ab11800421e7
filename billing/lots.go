package billing

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"
)

// Lot is what one purchase or grant delivered, as far as it can still be set aside.
type Lot struct {
	ID        uuid.UUID
	ExpiresAt time.Time // zero: never
	Available Hours
	PoolID    uuid.UUID // the one pool its hours are good on; Nil: every pool of the provider
}

// GoodOn gives those of the lots whose hours may be used on a pool.
func GoodOn(lots []Lot, poolID uuid.UUID) []Lot {
	return slices.DeleteFunc(slices.Clone(lots), func(l Lot) bool { return l.PoolID != uuid.Nil && l.PoolID != poolID })
}

// Expired tells whether the lot's hours have lapsed at now.
func (l Lot) Expired(now time.Time) bool {
	return !l.ExpiresAt.IsZero() && !now.Before(l.ExpiresAt)
}

// Share is a part of one lot.
type Share struct {
	LotID uuid.UUID
	Hours Hours
}

// Shortage is the refusal to set hours aside that are not there.
type Shortage struct {
	Needed    Hours
	Available Hours
}

// Error is the sentence with the numbers; the need is rounded up and the balance down.
func (s *Shortage) Error() string {
	return fmt.Sprintf("%s compute hours are needed, %s are available.", s.Needed.Ceil(), s.Available)
}

// Authorise decides whether need may be set aside and from which lots: those that have not expired at now, the
// earliest expiry first. It returns the shares, which sum to need, or a *Shortage, or ErrHours where the need
// itself is no amount. The caller has locked the wallet and its lots, and given only lots that are GoodOn the pool.
func Authorise(need Hours, lots []Lot, now time.Time) ([]Share, error) {
	if err := need.CheckAmount(); err != nil {
		return nil, err
	}
	usable := slices.DeleteFunc(slices.Clone(lots), func(l Lot) bool { return l.Available <= 0 || l.Expired(now) })
	slices.SortFunc(usable, func(a, b Lot) int { return compareExpiry(a.ExpiresAt, b.ExpiresAt, a.ID, b.ID) })
	var shares []Share
	rest := need
	for _, l := range usable {
		if rest == 0 {
			break
		}
		take := min(rest, l.Available)
		shares = append(shares, Share{LotID: l.ID, Hours: take})
		rest -= take
	}
	if rest > 0 {
		return nil, &Shortage{Needed: need, Available: need - rest}
	}
	return shares, nil
}

// compareExpiry orders lots by expiry, those that never expire last, and then by id, so that every decision on
// the same rows is the same.
func compareExpiry(a, b time.Time, aID, bID uuid.UUID) int {
	switch {
	case a.IsZero() && !b.IsZero():
		return 1
	case b.IsZero() && !a.IsZero():
		return -1
	}
	if c := a.Compare(b); c != 0 {
		return c
	}
	return cmp.Compare(aID.String(), bID.String())
}
