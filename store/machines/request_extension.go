package machines

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// RequestExtension asks the managers for an extension above the cap, or of a cluster that the cap does not count. Refusals:
// those of ExtendLease but for "cap" and "balance", "state" where the cap allows it or there is none, "requests", NotFound.
func (db *DB) RequestExtension(ctx context.Context, orgID, by, clusterID uuid.UUID, addSeconds int64) (uuid.UUID, error) {
	id, err := store.NewID()
	if err != nil {
		return uuid.Nil, err
	}
	return id, db.core.Tx(ctx, func(tx pgx.Tx) error {
		c, need, err := extension{ClusterID: clusterID, OrganizationID: orgID, For: by, By: by, Add: addSeconds}.lock(ctx, tx)
		if err != nil {
			return err
		}
		if err := c.refuseDraining(ctx, tx, ""); err != nil {
			return err
		}
		form, poolID := RequestForm{Cluster: &clusterID, Extend: true, Start: c.StartCount, LeaseSeconds: addSeconds}, uuid.Nil
		err = tx.QueryRow(ctx, `
			SELECT c.version_id, c.name, c.purchase_order, c.cost_centre, c.grant_number, c.pool_id,
				(SELECT count(*) FROM nodes WHERE cluster_id = c.id AND role = 'compute' AND state <> 'gone')::int
			FROM clusters c WHERE c.id = $1`, clusterID).
			Scan(&form.Version, &form.Name, &form.PurchaseOrder, &form.CostCentre, &form.GrantNumber, &poolID, &form.ComputeCount)
		if err != nil {
			return fmt.Errorf("read cluster %s: %w", clusterID, err)
		}
		return db.ask(ctx, tx, asking{
			ID: id, OrganizationID: orgID, By: by, PoolID: poolID, Need: need, Form: form, Allowed: c.extensionCap(ctx, tx, by, need),
		})
	})
}
