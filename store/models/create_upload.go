package models

import (
	"context"
	"fmt"
	"regexp"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
	"volary.dev/store/people"
)

var uploadID = regexp.MustCompile(`^[0-9a-f]{32}$`)

// CreateUpload records the owner of an upload before its first byte. Refusals: "invalid" for filename and size,
// "uploads" where the organization has MaxOpenUploads unfinished ones, "suspended".
func (db *DB) CreateUpload(ctx context.Context, orgID, personID uuid.UUID, id, filename string, size int64) error {
	if !uploadID.MatchString(id) {
		return fmt.Errorf("create upload: id %q is not 32 hex digits", id)
	}
	f := store.Fields{}
	f.Name("file", &filename, 1, 255)
	f.Check(size > 0, "file", "The file is empty.")
	if err := f.Refusal(); err != nil {
		return err
	}
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		// The organization's row serialises its uploads, so that two at once are not both the last one allowed.
		if _, err := tx.Exec(ctx, `SELECT 1 FROM organizations WHERE id = $1 FOR NO KEY UPDATE`, orgID); err != nil {
			return fmt.Errorf("lock organization %s: %w", orgID, err)
		}
		if err := people.RefuseSuspended(ctx, tx, orgID); err != nil {
			return err
		}
		var open int
		if err := tx.QueryRow(ctx, `SELECT count(*) FROM uploads WHERE organization_id = $1 AND finished_at IS NULL`, orgID).Scan(&open); err != nil {
			return fmt.Errorf("count uploads of %s: %w", orgID, err)
		}
		if open >= MaxOpenUploads {
			return &refusal.Error{
				Code:  "uploads",
				Title: fmt.Sprintf("%d uploads are unfinished, %d may be.", open, MaxOpenUploads),
				Next:  "Finish or discard one of them; those without progress for a day are discarded by themselves.",
			}
		}
		if _, err := tx.Exec(ctx, `
			INSERT INTO uploads (id, organization_id, person_id, filename, size, created_at)
			VALUES ($1, $2, $3, $4, $5, now())`, id, orgID, personID, filename, size); err != nil {
			return fmt.Errorf("create upload %s: %w", id, err)
		}
		return nil
	})
}
