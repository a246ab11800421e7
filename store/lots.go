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

// newLot is a lot about to be made of a grant or an order.
type newLot struct {
	billing.Lot
	Order         uuid.UUID     // Nil: a grant
	Paid          billing.Money // for the order
	Purpose, Note string
	By            uuid.UUID // Nil: the operator's command
}

// book makes the lot and its entry in the locked wallet.
func (l newLot) book(ctx context.Context, tx pgx.Tx, w wallet, now time.Time) error {
	if !l.ExpiresAt.IsZero() {
		l.ExpiresAt = l.ExpiresAt.UTC().Truncate(time.Microsecond) // what a column keeps is what is hashed
	}
	d, err := billing.Grant(l.Lot, l.By, now)
	if err != nil {
		return err
	}
	var amount *int64
	var currency *billing.Currency
	if l.Order != uuid.Nil {
		amount, currency = &l.Paid.Minor, &l.Paid.Currency
	}
	if _, err := tx.Exec(ctx, `
		INSERT INTO lots (id, wallet_id, expires_at, note, created_by, created_at, order_id, pool_id, amount, currency, purpose)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`,
		l.ID, w.ID, orNoTime(l.ExpiresAt), l.Note, orNull(l.By), now, orNull(l.Order), orNull(l.PoolID), amount, currency, l.Purpose); err != nil {
		return fmt.Errorf("make lot: %w", err)
	}
	return book(ctx, tx, w, []booking{{Draft: d}})
}

type lotRow struct {
	ID        uuid.UUID
	ExpiresAt *time.Time
	PoolID    *uuid.UUID
	Bought    billing.Hours
	Available billing.Hours
	Used      billing.Hours
	Expired   billing.Hours
	Amount    *int64 // nil: granted
	Currency  *billing.Currency
}

func (l lotRow) lot() billing.Lot {
	lot := billing.Lot{ID: l.ID, ExpiresAt: orZero(l.ExpiresAt), Available: l.Available}
	if l.PoolID != nil {
		lot.PoolID = *l.PoolID
	}
	return lot
}

// lockLots locks the wallet's lots that still have something in them, in order of id, behind the wallet's lock.
func lockLots(ctx context.Context, tx pgx.Tx, w wallet) ([]lotRow, error) {
	rows, err := tx.Query(ctx, `
		SELECT id, expires_at, pool_id, bought, available, used, expired, amount, currency FROM lots
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
