package people

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// DeleteSSHKey removes a key from the person; a worker has running nodes give it up.
func (db *DB) DeleteSSHKey(ctx context.Context, personID, id uuid.UUID) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `DELETE FROM ssh_keys WHERE id = $1 AND person_id = $2`, id, personID)
		if err != nil {
			return fmt.Errorf("delete SSH key: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return refusal.NotFound("SSH key")
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: personID, Verb: "delete SSH key", Subject: "ssh_key", SubjectID: id})
	})
}
