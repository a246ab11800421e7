package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner"
)

// Hold sets hours aside for a cluster's lease, or returns the *provisioner.Refusal "balance" with what is
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
		return refuseHold(err)
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

// refuseHold makes billing's no the refusal that a page shows. Quote shows the same.
func refuseHold(err error) error {
	var short *billing.Shortage
	switch {
	case errors.As(err, &short) && short.Elsewhere > 0:
		return &provisioner.Refusal{
			Code: "balance", Title: short.Error(),
			Next: "Choose a pool those are good on, shorten the lease, take fewer nodes, or ask the provider for hours.",
		}
	case errors.As(err, &short):
		return &provisioner.Refusal{
			Code: "balance", Title: short.Error(),
			Next: "Shorten the lease, take fewer nodes, or ask the provider for hours.",
		}
	case errors.Is(err, billing.ErrHours), errors.Is(err, billing.ErrOverflow):
		return &provisioner.Refusal{
			Code: "balance", Title: "A lease cannot use that many compute hours: " + err.Error() + ".",
			Next: "Shorten the lease or take fewer nodes.",
		}
	default:
		return err
	}
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
