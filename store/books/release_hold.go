package books

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
)

// errRunsOpen is a defect of the caller: a hold is released after the runs it pays for have ended.
var errRunsOpen = errors.New("hold released while runs are open")

// Release books what the cluster's ended runs used and gives the rest of its hold back, to the second. What
// comes back to a lot that has expired expires at once. It does nothing where nothing is held, so it may be called
// again; it never refuses for money. EndRuns comes before it. Locks as Hold.
func (db *DB) Release(ctx context.Context, tx pgx.Tx, clusterID uuid.UUID, now time.Time) error {
	w, ok, err := lockWalletOf(ctx, tx, clusterID)
	if err != nil || !ok {
		return err
	}
	var open int
	if err := tx.QueryRow(ctx, `SELECT count(*) FROM runs WHERE cluster_id = $1 AND closed_at IS NULL`, clusterID).Scan(&open); err != nil {
		return fmt.Errorf("open runs of cluster %s: %w", clusterID, err)
	}
	if open > 0 {
		return fmt.Errorf("cluster %s: %w: %d", clusterID, errRunsOpen, open)
	}
	if _, err := settleWallet(ctx, tx, w, &clusterID, now); err != nil {
		return err
	}
	if _, err := lockLots(ctx, tx, w); err != nil { // before the head, also where no use was left to book
		return err
	}
	held, err := heldLots(ctx, tx, w, &clusterID)
	if err != nil {
		return err
	}
	return giveBack(ctx, tx, w, clusterID, billing.AllOf(held), now)
}

// errPartUsed is a defect of the caller: of what is given back as a part nothing was used.
var errPartUsed = errors.New("less is held than is to be given back")

// ReleasePart gives back hours that were set aside for a part of a cluster which used none of them; its other parts run on, and
// what they used stays unbooked until its time. Of several lots the one that expires last gives first: what expires first is
// used first. Locks as Hold.
func (db *DB) ReleasePart(ctx context.Context, tx pgx.Tx, clusterID uuid.UUID, part billing.Hours, now time.Time) error {
	w, ok, err := lockWalletOf(ctx, tx, clusterID)
	if err != nil || !ok || part == 0 {
		return err
	}
	if _, err := lockLots(ctx, tx, w); err != nil {
		return err
	}
	held, err := heldLots(ctx, tx, w, &clusterID)
	if err != nil {
		return err
	}
	shares := billing.LastOf(held, part)
	if billing.SharesOf(shares) != part {
		return fmt.Errorf("cluster %s: %w: %d of %d", clusterID, errPartUsed, billing.SharesOf(shares), part)
	}
	return giveBack(ctx, tx, w, clusterID, shares, now)
}

// giveBack books what of a cluster's hold is given back, and what of it has expired.
func giveBack(ctx context.Context, tx pgx.Tx, w wallet, clusterID uuid.UUID, shares []billing.Share, now time.Time) error {
	if len(shares) == 0 {
		return nil
	}
	_, everReleased, err := everMoved(ctx, tx, clusterID)
	if err != nil {
		return err
	}
	d, err := billing.Release(clusterID, shares, everReleased, now)
	if err != nil {
		return fmt.Errorf("release hold of cluster %s: %w", clusterID, err)
	}
	if err := book(ctx, tx, w, []booking{{Draft: d}}); err != nil {
		return err
	}
	_, err = expireLots(ctx, tx, w, shares, now)
	return err
}
