package machines

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/store"
)

// AllowCluster takes EndCluster back: the organization may start the cluster again, and its disks stay as those of any
// stopped one do. Refusals: "state" (not ended, or being deleted), NotFound.
func (db *DB) AllowCluster(ctx context.Context, by, providerID, id uuid.UUID) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		c, err := lockHostedCluster(ctx, tx, providerID, id)
		if err != nil {
			return err
		}
		if c.BarredAt == nil || c.Desired == provisioner.DesiredGone {
			return wrongState("allowed again", c.State(), "Only one that you ended, and that is not being deleted, is allowed again.")
		}
		_, err = tx.Exec(ctx, `
			UPDATE clusters SET barred_at = NULL, barred_by = NULL, barred_why = '', disks_until = NULL WHERE id = $1`, id)
		if err != nil {
			return fmt.Errorf("allow cluster %s: %w", id, err)
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{
			By: by, Organization: c.OrganizationID, Provider: providerID, Verb: "allow cluster again", Subject: "cluster", SubjectID: id,
		})
	})
}
