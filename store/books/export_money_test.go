package books

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
)

// What follows opens the ledger's functions of a transaction to tests, each in a transaction of its own.

func (db *DB) HoldNow(ctx context.Context, providerID, orgID, clusterID uuid.UUID, need billing.Hours, now time.Time) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error { return db.Hold(ctx, tx, providerID, orgID, clusterID, need, now) })
}

func (db *DB) ReleaseNow(ctx context.Context, clusterID uuid.UUID, now time.Time) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error { return db.Release(ctx, tx, clusterID, now) })
}

func (db *DB) SettleNow(ctx context.Context, clusterID uuid.UUID, now time.Time) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error { return settleCluster(ctx, tx, clusterID, now) })
}

func (db *DB) BeginRunsNow(ctx context.Context, clusterID uuid.UUID) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error { return db.BeginRuns(ctx, tx, clusterID, nil) })
}

func (db *DB) EndRunsNow(ctx context.Context, clusterID uuid.UUID, nodes []uuid.UUID, reason string) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error { return db.EndRuns(ctx, tx, clusterID, nodes, reason) })
}

func (db *DB) ProveLifeNow(ctx context.Context, hostID uuid.UUID, roundStart time.Time, proofs ...billing.Proof) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error { return db.ProveLife(ctx, tx, hostID, roundStart, 5*time.Second, proofs) })
}

// BookUseNow books a use as it is, without a look at what is proven, booked or held.
func (db *DB) BookUseNow(ctx context.Context, providerID, orgID uuid.UUID, u billing.Usage, now time.Time) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		w, err := lockWallet(ctx, tx, providerID, orgID)
		if err != nil {
			return err
		}
		for i := range u.Lines {
			u.Lines[i].LotID = u.LotID
		}
		d, err := billing.Use(u, now)
		if err != nil {
			return err
		}
		return book(ctx, tx, w, []booking{{Draft: d, lines: u.Lines}})
	})
}

// BookNow books what f drafts of a lot, as a command would whose kind has none yet.
func (db *DB) BookNow(ctx context.Context, lotID uuid.UUID, f func(l billing.LotBalance, parts billing.Parts) billing.Draft) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		w, err := walletForUpdate(ctx, tx, `w.id = (SELECT wallet_id FROM lots WHERE id = $1)`, lotID)
		if err != nil {
			return err
		}
		var l billing.LotBalance
		var parts billing.Parts
		err = tx.QueryRow(ctx, `SELECT bought, available, held, used, expired, refunded, coalesce(amount, 0), coalesce(currency, '') FROM lots WHERE id = $1 FOR NO KEY UPDATE`, lotID).
			Scan(&l.Bought, &l.Available, &l.Held, &l.Used, &l.Expired, &l.Refunded, &parts.Paid.Minor, &parts.Paid.Currency)
		if err != nil {
			return err
		}
		parts.Bought, parts.Used, parts.Gone = l.Bought, l.Used, l.Expired+l.Refunded
		return book(ctx, tx, w, []booking{{Draft: f(l, parts)}})
	})
}

// BookGoodwillNow books a cent of goodwill whose event was at an instant.
func (db *DB) BookGoodwillNow(ctx context.Context, providerID, orgID uuid.UUID, key string, event time.Time) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		w, err := lockWallet(ctx, tx, providerID, orgID)
		if err != nil {
			return err
		}
		now, err := databaseNow(ctx, tx)
		if err != nil {
			return err
		}
		d := billing.Draft{Kind: billing.KindGoodwill, At: now.UTC(), Key: key, Event: event}
		d.Move(billing.Goodwill, billing.Credit, uuid.Nil, billing.Money{Minor: 1, Currency: "EUR"})
		return book(ctx, tx, w, []booking{{Draft: d}})
	})
}

// CostOfUnknownLot is what comes of a use whose lot is not there.
func CostOfUnknownLot() error {
	return costUse(nil, billing.Usage{})
}
