package models

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// PublishVersion freezes a version. Refusals: "stale_form", "published", "image" (one that is not ready), NotFound.
func (db *DB) PublishVersion(ctx context.Context, orgID, by, id uuid.UUID, revision int) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		if err := lockDraft(ctx, tx, orgID, id, revision); err != nil {
			return err
		}
		v, err := ReadVersion(ctx, tx, orgID, id)
		if err != nil {
			return err
		}
		if err := v.ImagesReady(); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE model_versions SET state = 'published', published_at = now() WHERE id = $1`, id); err != nil {
			return fmt.Errorf("publish version: %w", err)
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: by, Organization: orgID, Verb: "publish version", Subject: "version", SubjectID: id})
	})
}
