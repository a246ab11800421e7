package books

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
)

// Hold sets hours aside for a cluster's lease, or returns the *refusal.Error "balance" with what is
// needed and available. The cluster's row exists already in this transaction. It locks the wallet, its lots and
// the journal's head, in this order; the caller has locked its pool and cluster before.
func (db *DB) Hold(ctx context.Context, tx pgx.Tx, providerID, orgID, clusterID uuid.UUID, need billing.Hours, now time.Time) error {
	w, err := lockWallet(ctx, tx, providerID, orgID)
	if err != nil {
		return err
	}
	rows, err := lockLots(ctx, tx, w)
	if err != nil {
		return err
	}
	lots := make([]billing.Lot, len(rows))
	for i, r := range rows {
		lots[i] = r.lot()
	}
	var poolID uuid.UUID
	if err := tx.QueryRow(ctx, `SELECT pool_id FROM clusters WHERE id = $1`, clusterID).Scan(&poolID); err != nil {
		return fmt.Errorf("pool of cluster %s: %w", clusterID, err)
	}
	shares, err := billing.Authorise(need, lots, poolID, now)
	if err != nil {
		return billing.Refuse(err)
	}
	everHeld, _, err := everMoved(ctx, tx, clusterID)
	if err != nil {
		return err
	}
	d, err := billing.Hold(clusterID, shares, everHeld, now)
	if err != nil {
		return err
	}
	return book(ctx, tx, w, []booking{{Draft: d}})
}

// everMoved is what was ever set aside for the cluster and given back by it.
func everMoved(ctx context.Context, tx pgx.Tx, clusterID uuid.UUID) (held, released billing.Hours, err error) {
	err = tx.QueryRow(ctx, `
		SELECT coalesce(sum(set_aside), 0)::bigint, coalesce(sum(released), 0)::bigint FROM holds WHERE cluster_id = $1`,
		clusterID).Scan(&held, &released)
	if err != nil {
		return 0, 0, fmt.Errorf("holds of cluster %s: %w", clusterID, err)
	}
	return held, released, nil
}
