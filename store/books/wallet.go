package books

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/store"
)

// WalletCard is what an organization has with one provider, in mcs. What runs have used since it was last booked
// counts as used already. Left = Bought − SetAside − Used − Expired.
type WalletCard struct {
	ProviderID   uuid.UUID
	ProviderName string
	Zone         string // the provider's, of its accounts
	Bought       billing.Hours
	Granted      billing.Hours // of Bought, without an order
	SetAside     billing.Hours
	Used         billing.Hours
	Expired      billing.Hours
	Left         billing.Hours
	NextExpiry   *time.Time    // of the lot with hours left that expires first, in the provider's zone
	Expiring     billing.Hours // of Left, within 30 days
}

// WalletOutlook is what a forecast of one provider's hours follows from.
type WalletOutlook struct {
	Rate billing.Rate  // of all nodes that run now
	Week billing.Hours // used in the last seven days
	Full billing.Hours // left when the wallet last got hours: what 20 % and 5 % are of; 0: unknown
	Lots []billing.Lot // with hours left
}

// Outlook gives for each provider that the organization has hours from what a forecast follows from, in one query.
func (db *DB) Outlook(ctx context.Context, orgID uuid.UUID) (map[uuid.UUID]WalletOutlook, error) {
	rows, _ := db.pool.Query(ctx, `
		SELECT w.provider_id, coalesce(m.full_hours, 0), r.rate, r.week, coalesce(l.ids, '{}'), coalesce(l.expires, '{}'), coalesce(l.available, '{}')
		  FROM wallets w LEFT JOIN hour_marks m ON m.wallet_id = w.id
		 CROSS JOIN LATERAL (
		   SELECT coalesce(sum(rate) FILTER (WHERE closed_at IS NULL), 0)::bigint AS rate,
		          coalesce(sum(extract(epoch FROM ended_at - greatest(started_at, date_trunc('second', now()) - interval '7 days')) * rate), 0)::bigint AS week
		     FROM runs WHERE wallet_id = w.id AND ended_at > date_trunc('second', now()) - interval '7 days') r
		 CROSS JOIN LATERAL (
		   SELECT array_agg(id ORDER BY id) AS ids, array_agg(expires_at ORDER BY id) AS expires, array_agg(available ORDER BY id) AS available
		     FROM lots WHERE wallet_id = w.id AND available > 0) l
		 WHERE w.organization_id = $1`, orgID)
	list := map[uuid.UUID]WalletOutlook{}
	var (
		provider  uuid.UUID
		o         WalletOutlook
		ids       []uuid.UUID
		expires   []*time.Time
		available []billing.Hours
	)
	_, err := pgx.ForEachRow(rows, []any{&provider, &o.Full, &o.Rate, &o.Week, &ids, &expires, &available}, func() error {
		next := o
		for i, id := range ids {
			next.Lots = append(next.Lots, billing.Lot{ID: id, ExpiresAt: orZero(expires[i]), Available: available[i]})
		}
		list[provider] = next
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("outlook of %s: %w", orgID, err)
	}
	return list, nil
}

// Wallet gives a card for each provider that the organization has had hours from, by provider name.
func (db *DB) Wallet(ctx context.Context, orgID uuid.UUID) ([]WalletCard, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT p.id AS provider_id, p.name AS provider_name, p.accounting_zone AS zone, s.bought, s.granted, s.held - u.unbooked AS set_aside,
		       s.used + u.unbooked AS used, s.expired, s.available AS "left", s.next_expiry, s.expiring
		  FROM wallets w
		  JOIN providers p ON p.id = w.provider_id
		  JOIN LATERAL (
		    SELECT sum(bought)::bigint AS bought, sum(available)::bigint AS available, sum(held)::bigint AS held,
		           sum(used)::bigint AS used, sum(expired)::bigint AS expired,
		           coalesce(sum(bought) FILTER (WHERE order_id IS NULL), 0)::bigint AS granted,
		           min(expires_at) FILTER (WHERE available > 0) AS next_expiry,
		           coalesce(sum(available) FILTER (WHERE expires_at < now() + interval '30 days'), 0)::bigint AS expiring
		      FROM lots WHERE wallet_id = w.id) s ON s.bought IS NOT NULL
		  JOIN LATERAL (
		    SELECT coalesce(sum(extract(epoch FROM r.ended_at - b.booked_until)::bigint * r.rate), 0)::bigint AS unbooked
		      FROM run_bookings b JOIN runs r ON r.id = b.run_id
		     WHERE b.wallet_id = w.id AND NOT b.done) u ON true
		 WHERE w.organization_id = $1
		 ORDER BY p.name`, orgID)
	if err != nil {
		return nil, fmt.Errorf("wallet of %s: %w", orgID, err)
	}
	cards, err := pgx.CollectRows(rows, pgx.RowToStructByName[WalletCard])
	if err != nil {
		return nil, fmt.Errorf("wallet of %s: %w", orgID, err)
	}
	for _, c := range cards {
		if err := inZone(c.NextExpiry, c.Zone); err != nil {
			return nil, err
		}
	}
	return cards, nil
}

// inZone gives an instant its provider's zone, by whose days it is read wherever it stands; nil is none.
func inZone(t *time.Time, name string) error {
	if t == nil {
		return nil
	}
	zone, err := time.LoadLocation(name)
	if err != nil {
		return fmt.Errorf("accounting zone %q: %w", name, err)
	}
	*t = t.In(zone)
	return nil
}

// Available is what an organization may set aside at now for a cluster on a pool, and what it has of that provider that
// is good on other pools alone; nothing is locked.
func (db *DB) Available(ctx context.Context, q store.Queryer, poolID, orgID uuid.UUID, now time.Time) (here, elsewhere billing.Hours, err error) {
	err = q.QueryRow(ctx, `
		SELECT coalesce(sum(l.available) FILTER (WHERE good), 0)::bigint, coalesce(sum(l.available) FILTER (WHERE NOT good), 0)::bigint
		  FROM pools p JOIN wallets w ON w.provider_id = p.provider_id JOIN lots l ON l.wallet_id = w.id
		 CROSS JOIN LATERAL (SELECT l.pool_id IS NULL OR l.pool_id = p.id AS good) AS g
		 WHERE p.id = $1 AND w.organization_id = $2 AND (l.expires_at IS NULL OR l.expires_at > $3)`, poolID, orgID, now).Scan(&here, &elsewhere)
	if err != nil {
		return 0, 0, fmt.Errorf("hours of organization %s on pool %s: %w", orgID, poolID, err)
	}
	return here, elsewhere, nil
}

// wallet is a locked wallet: until the transaction ends nobody else holds, books or releases in its journal.
type wallet struct {
	ID             uuid.UUID
	ProviderID     uuid.UUID
	OrganizationID uuid.UUID
	AccountingZone string
}

func (w wallet) journal() billing.Journal {
	return billing.Journal{ProviderID: w.ProviderID, OrganizationID: w.OrganizationID}
}

func (w wallet) zone() (*time.Location, error) {
	zone, err := time.LoadLocation(w.AccountingZone)
	if err != nil {
		return nil, fmt.Errorf("accounting zone of provider %s: %w", w.ProviderID, err)
	}
	return zone, nil
}

// lockWallet makes the wallet where it is missing and locks it. The zero row and the lock are two statements:
// one would look at a snapshot from before another transaction's row.
func lockWallet(ctx context.Context, tx pgx.Tx, providerID, orgID uuid.UUID) (wallet, error) {
	id, err := store.NewID()
	if err != nil {
		return wallet{}, err
	}
	if _, err := tx.Exec(ctx, `
		INSERT INTO wallets (id, provider_id, organization_id) VALUES ($1, $2, $3)
		ON CONFLICT (provider_id, organization_id) DO NOTHING`, id, providerID, orgID); err != nil {
		return wallet{}, fmt.Errorf("make wallet: %w", err)
	}
	if _, err := tx.Exec(ctx, `
		INSERT INTO journal_heads (wallet_id) SELECT id FROM wallets WHERE provider_id = $1 AND organization_id = $2
		ON CONFLICT DO NOTHING`, providerID, orgID); err != nil {
		return wallet{}, fmt.Errorf("make journal: %w", err)
	}
	w, err := walletForUpdate(ctx, tx, `w.provider_id = $1 AND w.organization_id = $2`, providerID, orgID)
	if err != nil {
		return wallet{}, fmt.Errorf("lock wallet: %w", err)
	}
	return w, nil
}

// lockWalletOf locks the wallet that pays for a cluster; ok is false where nothing was ever set aside for it, as
// for an acceptance test.
func lockWalletOf(ctx context.Context, tx pgx.Tx, clusterID uuid.UUID) (w wallet, ok bool, err error) {
	w, err = walletForUpdate(ctx, tx,
		`w.id = (SELECT l.wallet_id FROM holds h JOIN lots l ON l.id = h.lot_id WHERE h.cluster_id = $1 LIMIT 1)`, clusterID)
	if errors.Is(err, pgx.ErrNoRows) {
		return wallet{}, false, nil
	}
	if err != nil {
		return wallet{}, false, fmt.Errorf("lock wallet of cluster %s: %w", clusterID, err)
	}
	return w, true, nil
}

// walletForUpdate locks NO KEY: rows that refer to the wallet, such as a new run, need not wait for it.
func walletForUpdate(ctx context.Context, tx pgx.Tx, where string, args ...any) (wallet, error) {
	rows, err := tx.Query(ctx, `
		SELECT w.id, w.provider_id, w.organization_id, p.accounting_zone
		  FROM wallets w JOIN providers p ON p.id = w.provider_id
		 WHERE `+where+` FOR NO KEY UPDATE OF w`, args...)
	if err != nil {
		return wallet{}, err
	}
	return pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[wallet])
}
