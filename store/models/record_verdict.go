package models

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
)

// RecordUploadWaits shows what an upload that is to be checked waits for. Once it is checked, that goes.
func (db *DB) RecordUploadWaits(ctx context.Context, id, why string) error {
	if _, err := db.pool.Exec(ctx, `UPDATE uploads SET reason = $2, progress = '{}' WHERE id = $1 AND state = 'checking' AND reason <> $2`, id, why); err != nil {
		return fmt.Errorf("upload %s waits: %w", id, err)
	}
	return nil
}

// RecordUploadChecks shows what is known so far of an upload that is still being checked.
func (db *DB) RecordUploadChecks(ctx context.Context, id string, checks []provisioner.ImageCheck) error {
	text, err := checksJSON(checks)
	if err != nil {
		return err
	}
	if _, err := db.pool.Exec(ctx, `
		UPDATE uploads SET checks = $2, reason = CASE state WHEN 'checking' THEN '' ELSE reason END
		WHERE id = $1 AND state IN ('checking', 'unverified')`, id, text); err != nil {
		return fmt.Errorf("record checks of upload %s: %w", id, err)
	}
	return nil
}

// RecordUploadProgress shows what is done at this moment with an upload that is being checked.
func (db *DB) RecordUploadProgress(ctx context.Context, id string, p provisioner.UploadProgress) error {
	text, err := json.Marshal(p)
	if err != nil {
		return fmt.Errorf("write progress: %w", err)
	}
	if _, err := db.pool.Exec(ctx, `UPDATE uploads SET progress = $2 WHERE id = $1 AND state IN ('checking', 'unverified')`, id, text); err != nil {
		return fmt.Errorf("record progress of upload %s: %w", id, err)
	}
	return nil
}

// RecordVerdict ends the check of an upload, and makes its images where there are any, in one transaction: of who sent its last byte,
// named as they are in the upload or after it. That its organization had the same file already, or is over its quota from now on, is
// added to the checks. A verdict of done or refused is final: recorded is false where there was one, and where
// the upload is gone; nothing changes then.
func (db *DB) RecordVerdict(ctx context.Context, id string, v provisioner.UploadVerdict) (recorded bool, err error) {
	if (v.State == provisioner.UploadDone) != (len(v.Images) > 0) {
		return false, fmt.Errorf("verdict on upload %s: it is %s with %d images", id, v.State, len(v.Images))
	}
	return recorded, db.core.Tx(ctx, func(tx pgx.Tx) error {
		u, err := lockJudged(ctx, tx, id)
		if r, ok := refusal.As(err); ok && r.Code == "not_found" {
			return nil
		}
		if err != nil || u.State != provisioner.UploadChecking && u.State != provisioner.UploadUnverified {
			return err
		}
		if err := u.noteSameFile(ctx, tx, id, &v); err != nil {
			return err
		}
		if err := u.record(ctx, tx, id, v); err != nil {
			return err
		}
		for n, i := range v.Images {
			if err := u.makeImage(ctx, tx, id, u.imageName(v, n), i); err != nil {
				return err
			}
		}
		if err := u.keepBundle(ctx, tx, id, v); err != nil {
			return err
		}
		recorded = true
		if len(v.Images) == 0 {
			return nil
		}
		return db.noteOverQuota(ctx, tx, u.OrganizationID, id)
	})
}

// judgedUpload is what a verdict needs of its upload.
type judgedUpload struct {
	OrganizationID uuid.UUID
	FinishedBy     uuid.UUID
	Filename       string
	Name           string // as given; empty: none was
	State          provisioner.UploadState
}

func lockJudged(ctx context.Context, tx pgx.Tx, id string) (judgedUpload, error) {
	rows, _ := tx.Query(ctx, `SELECT organization_id, coalesce(finished_by, person_id) AS finished_by, filename, name, state FROM uploads WHERE id = $1 FOR NO KEY UPDATE`, id)
	return store.One(rows, "upload", pgx.RowToStructByName[judgedUpload])
}

func (u judgedUpload) record(ctx context.Context, tx pgx.Tx, id string, v provisioner.UploadVerdict) error {
	checks, err := checksJSON(v.Checks)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `
		UPDATE uploads SET state = $2, reason = $3, checks = $4, progress = '{}', format = $5, digest = $6, verified_at = CASE WHEN $2 IN ('done', 'refused') THEN now() END
		WHERE id = $1`, id, v.State, v.Reason, checks, v.Format, v.Digest); err != nil {
		return fmt.Errorf("record verdict on upload %s: %w", id, err)
	}
	if v.State != provisioner.UploadRefused {
		return nil
	}
	subject, err := UploadSubject(id)
	if err != nil {
		return err
	}
	return store.WriteAudit(ctx, tx, store.AuditRow{
		Organization: u.OrganizationID, Verb: "refuse upload", Subject: "upload", SubjectID: subject,
		Detail: map[string]any{"name": u.called(), "reason": v.Reason},
	})
}

func (u judgedUpload) makeImage(ctx context.Context, tx pgx.Tx, id, name string, i provisioner.VerifiedImage) error {
	image, err := store.NewID()
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `
		INSERT INTO images (id, organization_id, person_id, upload_id, member, name, virtual_size, canonical_size, canonical_digest, guest_digest, proposed_vcpus, proposed_memory_mib, firmware, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, coalesce(nullif($13, ''), 'bios'), now())`,
		image, u.OrganizationID, u.FinishedBy, id, i.Member, name, i.VirtualSize, i.CanonicalSize, i.CanonicalDigest, i.GuestDigest, i.VCPUs, i.MemoryMiB, i.Firmware); err != nil {
		return errors.Join(fmt.Errorf("image %q of upload %s", i.Member, id), err)
	}
	// Its bytes were kept just now: those of others that had lost the same are whole again.
	if _, err := tx.Exec(ctx, `UPDATE images SET lost = '', lost_at = NULL WHERE canonical_digest = $1 AND lost <> ''`, i.CanonicalDigest); err != nil {
		return fmt.Errorf("images with the bytes of upload %s: %w", id, err)
	}
	detail := map[string]any{"name": name, "canonical_digest": i.CanonicalDigest}
	if name != u.called() {
		detail["upload"] = u.called()
	}
	return store.WriteAudit(ctx, tx, store.AuditRow{
		Organization: u.OrganizationID, Verb: "make image", Subject: "image", SubjectID: image, Detail: detail,
	})
}

func (u judgedUpload) called() string {
	if u.Name != "" {
		return u.Name
	}
	return u.Filename
}

// imageName is what the n-th of an upload's images is called. A name in the upload is a stranger's: one that is none is left.
// Of a bundle it is what its document calls it, or the document would be another.
func (u judgedUpload) imageName(v provisioner.UploadVerdict, n int) string {
	all := v.Images
	own, err := typed.ParseName(all[n].Name)
	switch {
	case v.Bundle != nil:
		return all[n].Name
	case len(all) == 1 && (u.Name != "" || err != nil):
		own = u.called()
	case err != nil:
		own = fmt.Sprintf("%s %d", u.called(), n+1)
	}
	if runes := []rune(own); len(runes) > 255 {
		own = string(runes[:255])
	}
	return own
}

func checksJSON(checks []provisioner.ImageCheck) ([]byte, error) {
	if checks == nil {
		checks = []provisioner.ImageCheck{}
	}
	text, err := json.Marshal(checks)
	if err != nil {
		return nil, fmt.Errorf("write checks: %w", err)
	}
	return text, nil
}
