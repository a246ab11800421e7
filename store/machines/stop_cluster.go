package machines

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/store"
)

// StopCluster asks for every node to be powered off; disks, names and addresses stay. It never fails for money.
// Refusals: "state" (already stopped, stopping or gone), "paused" (by its provider), NotFound.
func (db *DB) StopCluster(ctx context.Context, orgID, by, id uuid.UUID) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		c, err := lockOwnCluster(ctx, tx, orgID, id)
		if err != nil {
			return err
		}
		if err := c.refusePaused(ctx, tx); err != nil {
			return err
		}
		if c.Desired != provisioner.DesiredRunning {
			return wrongState("stopped", c.State(), "Nothing is to be done.")
		}
		if err := c.want(ctx, tx, provisioner.DesiredStopped, provisioner.ReasonAsked, ""); err != nil {
			return err
		}
		if err := db.tellEnded(ctx, tx, c, ending{By: by, Want: provisioner.DesiredStopped, Reason: provisioner.ReasonAsked}); err != nil {
			return err
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: by, Organization: orgID, Provider: c.ProviderID, Verb: "stop cluster", Subject: "cluster", SubjectID: id})
	})
}
