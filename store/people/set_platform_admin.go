package people

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
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
		var was bool
		err := tx.QueryRow(ctx, `SELECT platform_admin FROM people WHERE id = $1 FOR NO KEY UPDATE`, personID).Scan(&was)
		if err != nil {
			return store.Found(err, "person")
		}
		if _, err := tx.Exec(ctx, `UPDATE people SET platform_admin = $2 WHERE id = $1`, personID, admin); err != nil {
			return fmt.Errorf("set platform admin: %w", err)
		}
		if admin && !was {
			if err := db.warnOfRole(ctx, tx, Place{}, personID, by, "admin"); err != nil {
				return err
			}
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: by, Verb: "set platform admin", Subject: "person", SubjectID: personID, Detail: map[string]any{"admin": admin}})
	})
}
