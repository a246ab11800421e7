package machines

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
	"volary.dev/store/people"
)

// RequestScale asks the managers for nodes above the cap, or for a cluster that the cap does not count. Room and hours are not judged:
// they are when it is approved. Refusals: those of ScaleCluster but for "cap", "capacity" and "balance", "state" where the cap allows it
// or there is none, "requests", NotFound.
func (db *DB) RequestScale(ctx context.Context, orgID, by, clusterID uuid.UUID, r ScaleRequest) (uuid.UUID, error) {
	id, err := store.NewID()
	if err != nil {
		return uuid.Nil, err
	}
	return id, db.core.Tx(ctx, func(tx pgx.Tx) error {
		if err := people.RefuseSuspended(ctx, tx, orgID); err != nil {
			return err
		}
		c, err := lockOwnCluster(ctx, tx, orgID, clusterID)
		if err != nil {
			return err
		}
		s, g, err := readScale(ctx, tx, c, r)
		if err != nil {
			return err
		}
		now := len(s.of(r.Group))
		if r.Count < now {
			return &refusal.Error{Code: "state", Title: "Fewer nodes take no hours: nobody has to be asked.", Next: "Do it without asking."}
		}
		a, err := readAddition(ctx, tx, s, g, r.Count-now)
		if err != nil {
			return err
		}
		form := RequestForm{
			Cluster: &clusterID, Extend: true, Start: c.StartCount, Group: r.Group, Count: r.Count,
			Version: s.Version.ID, Name: s.Name, ComputeCount: r.Count - now + s.compute(), LeaseSeconds: leaseLeft(*s.Ends, s.At),
		}
		err = tx.QueryRow(ctx, `SELECT purchase_order, cost_centre, grant_number FROM clusters WHERE id = $1`, clusterID).
			Scan(&form.PurchaseOrder, &form.CostCentre, &form.GrantNumber)
		if err != nil {
			return fmt.Errorf("read cluster %s: %w", clusterID, err)
		}
		return db.ask(ctx, tx, asking{
			ID: id, OrganizationID: orgID, By: by, PoolID: s.PoolID, Need: a.Need, Form: form, Allowed: c.extensionCap(ctx, tx, by, a.Need),
		})
	})
}
