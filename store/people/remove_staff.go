package people

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// RemoveStaff ends a person's work for a provider; what they did stays in its log. Refusals: "last_admin",
// NotFound("person").
func (db *DB) RemoveStaff(ctx context.Context, by, providerID, personID uuid.UUID) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		if _, err := lockStaff(ctx, tx, providerID, personID, false); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM staff WHERE provider_id = $1 AND person_id = $2`, providerID, personID); err != nil {
			return fmt.Errorf("remove staff: %w", err)
		}
		if _, err := tx.Exec(ctx, `UPDATE sessions SET provider_id = NULL WHERE provider_id = $1 AND person_id = $2`, providerID, personID); err != nil {
			return fmt.Errorf("end sessions of staff: %w", err)
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: by, Provider: providerID, Verb: "remove staff", Subject: "person", SubjectID: personID})
	})
}
