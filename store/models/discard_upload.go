package models

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/store"
)

// DiscardUpload forgets an unfinished upload, whoever began it, and tells whether there was one. Only then may its bytes be
// removed: those of a finished one are being checked.
func (db *DB) DiscardUpload(ctx context.Context, by uuid.UUID, id string) (was bool, err error) {
	return was, db.core.Tx(ctx, func(tx pgx.Tx) error {
		rows, _ := tx.Query(ctx, `
			DELETE FROM uploads WHERE id = $1 AND state = 'arriving' RETURNING organization_id, coalesce(nullif(name, ''), filename) AS name, filename, size, created_at`, id)
		gone, err := store.All(rows, "discarded upload", pgx.RowToStructByName[struct {
			OrganizationID uuid.UUID
			Name           string
			Filename       string
			Size           int64
			CreatedAt      time.Time
		}])
		if was = len(gone) == 1; err != nil || !was {
			return err
		}
		return writeDiscard(ctx, tx, by, Upload{
			ID: id, Organization: gone[0].OrganizationID, Name: gone[0].Name, Filename: gone[0].Filename, Size: gone[0].Size, CreatedAt: gone[0].CreatedAt, State: provisioner.UploadArriving,
		})
	})
}
