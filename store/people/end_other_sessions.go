package people

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// EndOtherSessions ends all of a person's sessions but one, and says how many.
func (db *DB) EndOtherSessions(ctx context.Context, personID, keep uuid.UUID) (n int, err error) {
	return n, db.core.Tx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `DELETE FROM sessions WHERE person_id = $1 AND id <> $2`, personID, keep)
		if err != nil {
			return fmt.Errorf("end sessions: %w", err)
		}
		n = int(tag.RowsAffected())
		return store.WriteAudit(ctx, tx, store.AuditRow{By: personID, Verb: "end other sessions", Subject: "person", SubjectID: personID, Detail: map[string]any{"sessions": n}})
	})
}
