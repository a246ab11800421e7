package models

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
	"volary.dev/store/queue"
)

// RemoveUpload discards an upload whose bytes have all come and of which no image came: one that waits for its check, that stays unverified, or
// that was refused. What is left of its bytes follows. Refusals: NotFound("upload"), "upload_checking" (a verification runs),
// "conflict" where it arrives still (DiscardUpload) or images came of it, which are deleted themselves.
func (db *DB) RemoveUpload(ctx context.Context, orgID, by uuid.UUID, id string) error {
	subject, err := UploadSubject(id)
	if err != nil {
		return refusal.NotFound("upload")
	}
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		// A verdict locks the row as well: it comes before, and is seen, or finds no upload.
		if err := tx.QueryRow(ctx, `SELECT FROM uploads WHERE organization_id = $1 AND id = $2 FOR UPDATE`, orgID, id).Scan(); err != nil {
			return store.Found(err, "upload")
		}
		u, err := readUpload(ctx, tx, orgID, id)
		if err != nil {
			return err
		}
		if err := refuseRemoval(ctx, tx, u, subject); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `DELETE FROM uploads WHERE id = $1`, id); err != nil {
			return fmt.Errorf("delete upload %s: %w", id, err)
		}
		if err := store.Enqueue(ctx, tx, queue.DiscardUpload{UploadID: subject}); err != nil {
			return fmt.Errorf("ask for the removal of upload %s: %w", id, err)
		}
		return writeDiscard(ctx, tx, by, u)
	})
}

func refuseRemoval(ctx context.Context, tx pgx.Tx, u Upload, subject uuid.UUID) error {
	switch u.State {
	case provisioner.UploadArriving:
		return &refusal.Error{Code: "conflict", Title: typed.Isolate(u.Name) + " arrives still.", Next: "Discard it as one that is unfinished."}
	case provisioner.UploadDone:
		return &refusal.Error{Code: "conflict", Title: "Images came of " + typed.Isolate(u.Name) + ".", Next: "Delete them: the upload goes with the last one."}
	case provisioner.UploadRefused:
		return nil // a job that runs for it finds nothing to do
	case provisioner.UploadChecking, provisioner.UploadUnverified:
	}
	var runs bool
	if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM jobs WHERE kind = 'verify_upload' AND subject_id = $1 AND state = 'running')`, subject).Scan(&runs); err != nil {
		return fmt.Errorf("look for the verification of upload %s: %w", u.ID, err)
	}
	if runs {
		return &refusal.Error{Code: "upload_checking", Title: typed.Isolate(u.Name) + " is being checked at this moment.", Next: "Wait for its verdict, and discard it then."}
	}
	return nil
}

func writeDiscard(ctx context.Context, tx pgx.Tx, by uuid.UUID, u Upload) error {
	subject, err := UploadSubject(u.ID)
	if err != nil {
		return err
	}
	return store.WriteAudit(ctx, tx, store.AuditRow{
		By: by, Organization: u.Organization, Verb: "discard upload", Subject: "upload", SubjectID: subject,
		Detail: map[string]any{"name": u.Name, "file": u.Filename, "size": u.Size, "begun": u.CreatedAt.UTC(), "state": string(u.State)},
	})
}
