package people

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// LiftPerson ends a person's suspension. Refusals: "state" (not suspended), NotFound("person").
func (db *DB) LiftPerson(ctx context.Context, by, personID uuid.UUID) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE people SET suspended_at = NULL, suspended_reason = '' WHERE id = $1 AND suspended_at IS NOT NULL`, personID)
		if err != nil {
			return fmt.Errorf("lift suspension: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return noChange(ctx, tx, personID, notSuspended("person"))
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: by, Verb: "lift suspension", Subject: "person", SubjectID: personID})
	})
}
