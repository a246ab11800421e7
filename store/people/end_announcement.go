package people

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// EndAnnouncement takes an announcement from all pages. Refusals: "ended", NotFound("announcement").
func (db *DB) EndAnnouncement(ctx context.Context, by, providerID, id uuid.UUID) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		var over bool
		err := tx.QueryRow(ctx, `
			SELECT ended_at IS NOT NULL OR coalesce(until_at <= now(), false) FROM announcements WHERE id = $1 AND provider_id = $2 FOR UPDATE`,
			id, providerID).Scan(&over)
		if err != nil {
			return store.Found(err, "announcement")
		}
		if over {
			return &refusal.Error{Code: "ended", Title: "This announcement is over already.", Next: "There is nothing left to end."}
		}
		if _, err := tx.Exec(ctx, `UPDATE announcements SET ended_at = now() WHERE id = $1`, id); err != nil {
			return fmt.Errorf("end announcement: %w", err)
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: by, Provider: providerID, Verb: "end announcement", Subject: "announcement", SubjectID: id})
	})
}
