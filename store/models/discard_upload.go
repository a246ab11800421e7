package models

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// DiscardUpload forgets an unfinished upload, whoever began it, and tells whether there was one. Only then may its bytes be
// removed: those of a finished one belong to its image. by is Nil for one that stood still too long.
func (db *DB) DiscardUpload(ctx context.Context, by uuid.UUID, id string) (was bool, err error) {
	return was, db.core.Tx(ctx, func(tx pgx.Tx) error {
		rows, _ := tx.Query(ctx, `DELETE FROM uploads WHERE id = $1 AND finished_at IS NULL RETURNING organization_id, filename, size, created_at`, id)
		gone, err := store.All(rows, "discarded upload", pgx.RowToStructByName[struct {
			OrganizationID uuid.UUID
			Filename       string
			Size           int64
			CreatedAt      time.Time
		}])
		if was = len(gone) == 1; err != nil || !was {
			return err
		}
		subject, err := uuid.Parse(id)
		if err != nil {
			return fmt.Errorf("discard upload %q: %w", id, err)
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{
			By: by, Organization: gone[0].OrganizationID, Verb: "discard upload", Subject: "upload", SubjectID: subject,
			Detail: map[string]any{"name": gone[0].Filename, "size": gone[0].Size, "begun": gone[0].CreatedAt.UTC()},
		})
	})
}
