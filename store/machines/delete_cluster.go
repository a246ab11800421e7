package machines

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/store"
)

// DeleteCluster asks for everything of the cluster to be removed. It works from every state but one and never fails for
// money; deleting twice is no error. Refusals: "paused" (its provider keeps it), NotFound.
func (db *DB) DeleteCluster(ctx context.Context, orgID, by, id uuid.UUID) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		c, err := lockOwnCluster(ctx, tx, orgID, id)
		if err != nil || c.Desired == provisioner.DesiredGone {
			return err
		}
		if err := c.refusePaused(ctx, tx); err != nil {
			return err
		}
		if err := c.want(ctx, tx, provisioner.DesiredGone, provisioner.ReasonAsked, ""); err != nil {
			return err
		}
		if err := db.tellEnded(ctx, tx, c, ending{By: by, Want: provisioner.DesiredGone, Reason: provisioner.ReasonAsked}); err != nil {
			return err
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: by, Organization: orgID, Provider: c.ProviderID, Verb: "delete cluster", Subject: "cluster", SubjectID: id})
	})
}
