package people

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// EndSession ends one of a person's sessions. Refusals: NotFound("session").
func (db *DB) EndSession(ctx context.Context, personID, id uuid.UUID) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `DELETE FROM sessions WHERE id = $1 AND person_id = $2`, id, personID)
		if err != nil {
			return fmt.Errorf("end session: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return refusal.NotFound("session")
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: personID, Verb: "end session", Subject: "session", SubjectID: id})
	})
}
