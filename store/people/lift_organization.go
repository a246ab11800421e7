package people

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// LiftOrganization ends an organization's suspension; its clusters stay stopped until someone starts them. Refusals:
// "state" (not suspended), NotFound("organization").
func (db *DB) LiftOrganization(ctx context.Context, by, orgID uuid.UUID) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		if err := lockOrganization(ctx, tx, orgID); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `UPDATE organizations SET suspended_at = NULL, suspended_reason = '' WHERE id = $1 AND suspended_at IS NOT NULL`, orgID)
		if err != nil {
			return fmt.Errorf("lift suspension: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return notSuspended("organization")
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: by, Organization: orgID, Verb: "lift suspension", Subject: "organization", SubjectID: orgID})
	})
}
