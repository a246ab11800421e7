package models

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/userdata"
	"volary.dev/store"
)

// PublishVersion freezes a version. Refusals: "stale_form", "published", "image" (one that is larger than its disk), "image_lost" (whose bytes
// are gone), "user_data" (of a draft that was saved before cloud-init's rule was asked), NotFound.
func (db *DB) PublishVersion(ctx context.Context, orgID, by, id uuid.UUID, revision int) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		if err := lockDraft(ctx, tx, orgID, id, revision); err != nil {
			return err
		}
		v, err := ReadVersion(ctx, tx, orgID, id)
		if err != nil {
			return err
		}
		if err := v.ImagesFit(); err != nil {
			return err
		}
		if err := v.ImagesThere(); err != nil {
			return err
		}
		if err := v.userDataRuns(); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE model_versions SET state = 'published', published_at = now() WHERE id = $1`, id); err != nil {
			return fmt.Errorf("publish version: %w", err)
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: by, Organization: orgID, Verb: "publish version", Subject: "version", SubjectID: id})
	})
}

// userDataRuns refuses user-data that no guest would act on.
func (v Version) userDataRuns() error {
	for _, r := range v.Roles {
		if wrong := userdata.Check(r.UserData); wrong != nil {
			return &refusal.Error{
				Code: "user_data", Title: fmt.Sprintf("The user-data of the %s cannot be used: %s", r.Role, wrong.Fields[userdata.Field]),
				Next: "Edit the draft, mend it, and publish again.",
			}
		}
	}
	return nil
}
