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

// goodOn tells whether the lot's hours may be used on a pool.
func (l Lot) goodOn(poolID uuid.UUID) bool { return l.PoolID == uuid.Nil || l.PoolID == poolID }

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
	Elsewhere Hours // bought for other pools alone, and available there
}

// Error is the sentence with the numbers; the need is rounded up and the balance down.
func (s *Shortage) Error() string {
	text := fmt.Sprintf("%s compute hours are needed, %s are available", s.Needed.Ceil(), s.Available)
	if s.Elsewhere > 0 {
		return fmt.Sprintf("%s on this pool. %s more are good on other pools alone.", text, s.Elsewhere)
	}
	return text + "."
}

// Authorise decides whether need may be set aside for a pool and from which lots: those good there that have not
// expired at now, the earliest expiry first. It returns the shares, which sum to need, or a *Shortage, or ErrHours where
// the need itself is no amount. The caller has locked the wallet and its lots.
func Authorise(need Hours, lots []Lot, poolID uuid.UUID, now time.Time) ([]Share, error) {
	if err := need.CheckAmount(); err != nil {
		return nil, err
	}
	usable := slices.DeleteFunc(slices.Clone(lots), func(l Lot) bool { return l.Available <= 0 || l.Expired(now) })
	slices.SortFunc(usable, func(a, b Lot) int { return compareExpiry(a.ExpiresAt, b.ExpiresAt, a.ID, b.ID) })
	var shares []Share
	var elsewhere Hours
	rest := need
	for _, l := range usable {
		if !l.goodOn(poolID) {
			elsewhere += l.Available
			continue
		}
		if take := min(rest, l.Available); take > 0 {
			shares = append(shares, Share{LotID: l.ID, Hours: take})
			rest -= take
		}
	}
	if rest > 0 {
		return nil, &Shortage{Needed: need, Available: need - rest, Elsewhere: elsewhere}
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
