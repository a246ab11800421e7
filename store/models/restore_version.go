package models

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
)

// RestoreVersion publishes a withdrawn version again, as it was: of images with the same digests, which may be others than it had. Refusals:
// "image_gone" (one is not there any more), "image_lost", "draft", "published", NotFound.
func (db *DB) RestoreVersion(ctx context.Context, orgID, by, id uuid.UUID) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		v, err := lockVersion(ctx, tx, orgID, id)
		if err != nil {
			return err
		}
		if err := v.Restorable(); err != nil {
			return err
		}
		for _, g := range v.Groups {
			// Held before the role names it: the database compares the image's digest, and one that is gone has none.
			held, err := tx.Exec(ctx, `SELECT FROM images WHERE id = $1 AND organization_id = $2 FOR KEY SHARE`, g.ImageID, orgID)
			if err != nil {
				return fmt.Errorf("hold the image of %s of version %s: %w", g.Name, id, err)
			}
			if held.RowsAffected() == 0 { // deleted since it was read
				return g.imageGone(v)
			}
			_, err = tx.Exec(ctx, `
				UPDATE version_roles SET image_id = $3, image_name = '', image_digest = '' WHERE version_id = $1 AND group_name = $2`, id, g.Name, g.ImageID)
			if err != nil {
				return fmt.Errorf("take up the image of %s of version %s: %w", g.Name, id, err)
			}
		}
		if _, err := tx.Exec(ctx, `UPDATE model_versions SET state = 'published', withdrawn_at = NULL, withdrawn_by = NULL WHERE id = $1`, id); err != nil {
			return fmt.Errorf("restore version: %w", err)
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: by, Organization: orgID, Verb: "restore version", Subject: "version", SubjectID: id})
	})
}

// Restorable is what RestoreVersion would refuse now; nil: nothing.
func (v Version) Restorable() error {
	if v.State != VersionStateWithdrawn {
		return &refusal.Error{Code: "state", Title: "This version is not withdrawn.", Next: "Open its page again."}
	}
	for _, g := range v.Groups {
		if g.ImageID == uuid.Nil {
			return g.imageGone(v)
		}
	}
	return v.ImagesThere()
}

func (g VersionGroup) imageGone(v Version) *refusal.Error {
	return &refusal.Error{
		Code:  "image_gone",
		Title: fmt.Sprintf("The image \"%s\" was deleted: %s %s cannot be published again without it.", typed.Isolate(g.Image.Name), typed.Isolate(v.ModelClusterName), v.Version),
		Next:  "Upload the same file again, of which the same image comes, or make a new version of the model cluster with another image.",
	}
}
