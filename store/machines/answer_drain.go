package machines

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// AnswerDrain says of nodes that are on their way out that they go now, whatever runs on them (remove), or that they stay. It may be
// said before the drain command has ended, too: what that has done in the guests stays done. Refusals: "state" (that drain is over, or
// there is none), "paused", NotFound.
func (db *DB) AnswerDrain(ctx context.Context, orgID, by, clusterID, drainID uuid.UUID, remove bool) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		c, err := lockOwnCluster(ctx, tx, orgID, clusterID)
		if err != nil {
			return err
		}
		if err := c.refusePaused(ctx, tx); err != nil {
			return err
		}
		d, err := openDrain(ctx, tx, clusterID)
		if err != nil {
			return err
		}
		if d == nil || d.ID != drainID {
			return &refusal.Error{Code: "state", Title: "These nodes are not on their way out any more.", Next: "Look at the list of nodes for what became of them."}
		}
		verb, outcome := "keep drained nodes", drainKept
		if remove {
			verb, outcome = "remove undrained nodes", drainGone
		}
		if err := c.closeDrain(ctx, tx, d.ID, outcome); err != nil {
			return err
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{
			By: by, Organization: orgID, Provider: c.ProviderID, Verb: verb, Subject: "cluster", SubjectID: c.ID, Detail: map[string]any{"nodes": d.Nodes},
		})
	})
}
