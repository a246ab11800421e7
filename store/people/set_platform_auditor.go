package people

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// SetPlatformAuditor lets a person read what the platform's admins do and change nothing, or no longer. Refusal:
// NotFound("person").
func (db *DB) SetPlatformAuditor(ctx context.Context, by, personID uuid.UUID, auditor bool) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `UPDATE people SET platform_auditor = $2 WHERE id = $1`, personID, auditor)
		if err != nil {
			return fmt.Errorf("set platform auditor: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return refusal.NotFound("person")
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: by, Verb: "set platform auditor", Subject: "person", SubjectID: personID, Detail: map[string]any{"auditor": auditor}})
	})
}
