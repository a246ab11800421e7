package people

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// ChangeName changes what others see a person called. Refusals: "invalid" for name.
func (db *DB) ChangeName(ctx context.Context, personID uuid.UUID, name string) error {
	f := store.Fields{}
	f.Name("name", &name, 1, 120)
	if err := f.Refusal(); err != nil {
		return err
	}
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `UPDATE people SET name = $2 WHERE id = $1`, personID, name); err != nil {
			return fmt.Errorf("change name: %w", err)
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: personID, Verb: "change name", Subject: "person", SubjectID: personID})
	})
}
