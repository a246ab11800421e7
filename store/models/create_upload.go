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
// "uploads" where the organization has MaxOpenUploads unfinished ones or the person MaxOpenUploadsEach of them, "suspended".
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
		if err := refuseManyUploads(ctx, tx, orgID, personID); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `
			INSERT INTO uploads (id, organization_id, person_id, filename, size, created_at)
			VALUES ($1, $2, $3, $4, $5, now())`, id, orgID, personID, filename, size); err != nil {
			return fmt.Errorf("create upload %s: %w", id, err)
		}
		return nil
	})
}

func refuseManyUploads(ctx context.Context, tx pgx.Tx, orgID, personID uuid.UUID) error {
	var all, own int
	err := tx.QueryRow(ctx, `
		SELECT count(*), count(*) FILTER (WHERE person_id = $2) FROM uploads WHERE organization_id = $1 AND finished_at IS NULL`, orgID, personID).Scan(&all, &own)
	if err != nil {
		return fmt.Errorf("count uploads of %s: %w", orgID, err)
	}
	r := &refusal.Error{Code: "uploads", Next: "Finish or discard one of them on the page of images; those without progress for a day are discarded by themselves."}
	switch {
	case own >= MaxOpenUploadsEach:
		r.Title = fmt.Sprintf("%d uploads of yours are unfinished, %d may be.", own, MaxOpenUploadsEach)
	case all >= MaxOpenUploads:
		r.Title = fmt.Sprintf("%d uploads of your organization are unfinished, %d may be.", all, MaxOpenUploads)
	default:
		return nil
	}
	return r
}
