package machines

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// StartTestAgain starts the machines of an acceptance test a second time, on the same hosts with the same disks: free, and with the keys
// of its first start. Refusals: "state" (not stopped, or not a test), "capacity", "provider", "suspended", NotFound.
func (db *DB) StartTestAgain(ctx context.Context, orgID, id uuid.UUID) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		var poolID uuid.UUID
		err := tx.QueryRow(ctx, `SELECT pool_id FROM clusters WHERE id = $1 AND organization_id = $2`, id, orgID).Scan(&poolID)
		if err != nil {
			return store.Found(err, "cluster")
		}
		if err := lockPool(ctx, tx, poolID); err != nil {
			return err
		}
		c, err := lockOwnCluster(ctx, tx, orgID, id)
		if err != nil {
			return err
		}
		if c.Kind != "test" || c.State() != provisioner.ClusterStopped || c.Desired != provisioner.DesiredStopped {
			return wrongState("started again", c.State(), "Only a stopped test's machines are.")
		}
		var l launchCase
		if err := l.readPool(ctx, tx, poolID); err != nil {
			if _, ok := refusal.As(err); ok {
				err = &refusal.Error{Code: "provider", Title: "The provider takes no starts now.", Next: "Test the version again later."}
			}
			return err
		}
		nodes, err := restartNodes(ctx, tx, c.ID)
		if err != nil {
			return err
		}
		l.Test = true
		if err := restartFits(nodes, l); err != nil {
			return err
		}
		var limit int64
		if err := tx.QueryRow(ctx, `SELECT lease_seconds FROM clusters WHERE id = $1`, c.ID).Scan(&limit); err != nil {
			return fmt.Errorf("read limit of test %s: %w", c.ID, err)
		}
		if err := c.restart(ctx, tx, limit, 0, []KeysLeftOut{}); err != nil {
			return err
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{
			Organization: c.OrganizationID, Provider: c.ProviderID, Verb: "start test again", Subject: "cluster", SubjectID: c.ID,
		})
	})
}
