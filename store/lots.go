package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
)

// LotRow is one purchase as its organization sees it, in mcs.
type LotRow struct {
	ID           uuid.UUID
	ProviderID   uuid.UUID
	ProviderName string
	Note         string
	CreatedAt    time.Time
	ExpiresAt    *time.Time // nil: never
	Bought       billing.Hours
	Available    billing.Hours
	Held         billing.Hours
	Used         billing.Hours
	Expired      billing.Hours
}

// Lots gives an organization's lots in the order in which they are used.
func (db *DB) Lots(ctx context.Context, orgID uuid.UUID, page Page) ([]LotRow, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT l.id, p.id AS provider_id, p.name AS provider_name, l.note, l.created_at, l.expires_at,
		       l.bought, l.available, l.held, l.used, l.expired
		  FROM lots l JOIN wallets w ON w.id = l.wallet_id JOIN providers p ON p.id = w.provider_id
		 WHERE w.organization_id = $1
		 ORDER BY p.name, l.expires_at NULLS LAST, l.id LIMIT $2 OFFSET $3`, orgID, page.limit(), page.offset())
	if err != nil {
		return nil, fmt.Errorf("lots of %s: %w", orgID, err)
	}
	lots, err := pgx.CollectRows(rows, pgx.RowToStructByName[LotRow])
	if err != nil {
		return nil, fmt.Errorf("lots of %s: %w", orgID, err)
	}
	return lots, nil
}

type lotRow struct {
	ID        uuid.UUID
	ExpiresAt *time.Time
	Available billing.Hours
	Expired   billing.Hours
}

func (l lotRow) lot() billing.Lot {
	return billing.Lot{ID: l.ID, ExpiresAt: orZero(l.ExpiresAt), Available: l.Available}
}

// lockLots locks the wallet's lots that still have something in them, in order of id, behind the wallet's lock.
func lockLots(ctx context.Context, tx pgx.Tx, w wallet) ([]lotRow, error) {
	rows, err := tx.Query(ctx, `
		SELECT id, expires_at, available, expired FROM lots
		 WHERE wallet_id = $1 AND (available > 0 OR held > 0) ORDER BY id FOR NO KEY UPDATE`, w.ID)
	if err != nil {
		return nil, fmt.Errorf("lock lots of wallet %s: %w", w.ID, err)
	}
	lots, err := pgx.CollectRows(rows, pgx.RowToStructByName[lotRow])
	if err != nil {
		return nil, fmt.Errorf("lock lots of wallet %s: %w", w.ID, err)
	}
	return lots, nil
}

// expireLots books what lapsed of the locked wallet's lots at now.
func expireLots(ctx context.Context, tx pgx.Tx, w wallet, now time.Time) (int, error) {
	lots, err := lockLots(ctx, tx, w)
	if err != nil {
		return 0, err
	}
	var bookings []booking
	for _, l := range lots {
		if l.Available == 0 || !l.lot().Expired(now) {
			continue
		}
		d, err := billing.Expire(billing.Share{LotID: l.ID, Hours: l.Available}, l.Expired, now)
		if err != nil {
			return 0, fmt.Errorf("expire lot %s: %w", l.ID, err)
		}
		bookings = append(bookings, booking{Draft: d})
	}
	return len(bookings), book(ctx, tx, w, bookings)
}

// orZero makes an absent instant the zero one that billing knows.
func orZero(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

// orNoTime makes the zero instant NULL.
func orNoTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
