package machines

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// RequestStart asks the managers for the start of a stopped cluster, with a lease as StartUntil takes it. Refusals: "state" also where it is
// not stopped, "invalid" for lease, at_end and keep_days, "requests", NotFound.
func (db *DB) RequestStart(ctx context.Context, orgID, by, clusterID uuid.UUID, leaseSeconds int64, t LeaseTerms) (uuid.UUID, error) {
	id, err := store.NewID()
	if err != nil {
		return uuid.Nil, err
	}
	return id, db.core.Tx(ctx, func(tx pgx.Tx) error {
		_, l, err := lockForStart(ctx, tx, orgID, clusterID, leaseSeconds, t)
		if err != nil {
			return err
		}
		nodes, err := restartNodes(ctx, tx, clusterID)
		if err != nil {
			return err
		}
		need, err := restartNeed(nodes, l.Lease)
		if err != nil {
			return err
		}
		form := RequestForm{Cluster: &clusterID, ComputeCount: len(nodes) - 1, LeaseSeconds: l.Lease, Terms: l.Terms}
		err = tx.QueryRow(ctx, `SELECT version_id, name, purchase_order, cost_centre, grant_number FROM clusters WHERE id = $1`, clusterID).
			Scan(&form.Version, &form.Name, &form.PurchaseOrder, &form.CostCentre, &form.GrantNumber)
		if err != nil {
			return fmt.Errorf("read cluster %s: %w", clusterID, err)
		}
		return db.ask(ctx, tx, asking{ID: id, OrganizationID: orgID, By: by, PoolID: l.Pool.ID, Need: need, Form: form, Allowed: holdToCap(ctx, tx, orgID, by, need)})
	})
}
