package people

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/store"
)

// SetPlatformAdmin makes a person an admin of the platform, or no longer one. Refusals: "last_admin",
// NotFound("person").
func (db *DB) SetPlatformAdmin(ctx context.Context, by, personID uuid.UUID, admin bool) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		if !admin {
			if err := refuseLastAdmin(ctx, tx, personID); err != nil {
				return err
			}
		}
		tag, err := tx.Exec(ctx, `UPDATE people SET platform_admin = $2 WHERE id = $1`, personID, admin)
		if err != nil {
			return fmt.Errorf("set platform admin: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return provisioner.NotFound("person")
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: by, Verb: "set platform admin", Subject: "person", SubjectID: personID, Detail: map[string]any{"admin": admin}})
	})
}
