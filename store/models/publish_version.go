package models

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/provisioner/manifest"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/provisioner/userdata"
	"volary.dev/store"
)

// PublishVersion freezes a version. Refusals: "stale_form", "published", "image" (one that is larger than its disk), "image_lost" (whose bytes
// are gone), "image_digest" (one from before it was looked at what a guest reads of it); of a draft that was saved before a rule was asked
// "user_data" and "document" with every fault; NotFound.
func (db *DB) PublishVersion(ctx context.Context, orgID, by, id uuid.UUID, revision int) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		if err := lockDraft(ctx, tx, orgID, id, revision); err != nil {
			return err
		}
		v, err := ReadVersion(ctx, tx, orgID, id)
		if err != nil {
			return err
		}
		if err := v.right(); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE model_versions SET state = 'published', published_at = now() WHERE id = $1`, id); err != nil {
			return fmt.Errorf("publish version: %w", err)
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{
			By: by, Organization: orgID, Verb: "publish version", Subject: "version", SubjectID: id, Detail: map[string]any{"document_digest": v.DocumentDigest},
		})
	})
}

const mendDraft = "Edit the draft, mend it, and publish again."

// imagesNamed refuses an image that a document cannot name: one that was verified before guest-visible digests were.
func (v Version) imagesNamed() error {
	for _, g := range v.Groups {
		if g.ImageID != uuid.Nil && g.Image.Digest == "" {
			return &refusal.Error{
				Code: "image_digest",
				Title: fmt.Sprintf("The image \"%s\" was verified before it was recorded what a guest reads of it, by which a published version names its images.",
					typed.Isolate(g.Image.Name)),
				Next: "Upload its file again without giving its SHA-256, choose the image that comes of it in the draft, and publish again.",
			}
		}
	}
	return nil
}

// userDataRuns refuses user-data that no guest would act on.
func (v Version) userDataRuns() error {
	for _, g := range v.Groups {
		if wrong := userdata.Check(g.UserData); wrong != nil {
			return &refusal.Error{
				Code: "user_data", Title: fmt.Sprintf("The user-data of the %s cannot be used: %s", g.called(), wrong.Fields[userdata.Field]), Next: mendDraft,
			}
		}
	}
	return nil
}

// isRight refuses a document that is none by today's rules.
func (v Version) isRight() error {
	wrong := manifest.Check(v.Model)
	starts := map[string]provisioner.Firmware{}
	for _, g := range v.Groups {
		starts[g.Name] = g.Starts
	}
	if len(wrong) == 0 {
		wrong = manifest.Beyond(v.Model, starts)
	}
	if len(wrong) == 0 {
		return nil
	}
	r := &refusal.Error{Code: "document", Title: "This draft is not what a version has to be by now.", Next: mendDraft}
	for _, path := range slices.Sorted(maps.Keys(wrong)) {
		r.Detail = append(r.Detail, strings.TrimPrefix(path+": ", ": ")+wrong[path])
	}
	return r
}
