package models

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/store"
	"volary.dev/store/people"
	"volary.dev/store/queue"
)

// FinishUpload notes that an upload's last byte arrived, and asks for its verification, in one transaction. A second call changes
// nothing. What comes of it is of who sent the last byte, and whether they may bring images is asked here again: sending takes
// hours. Refusals: NotFound("upload"), "forbidden", "suspended"; what arrived is kept then for who may go on with it.
func (db *DB) FinishUpload(ctx context.Context, by uuid.UUID, id string) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		u, err := lockArriving(ctx, tx, id)
		if err != nil || u.State != provisioner.UploadArriving {
			return err
		}
		if err := people.RefuseSuspended(ctx, tx, u.OrganizationID); err != nil {
			return err
		}
		if err := people.RefuseWithoutWork(ctx, tx, u.OrganizationID, by); err != nil {
			return err
		}
		return u.finish(ctx, tx, by)
	})
}

// arrivingUpload is what the end of an upload's arrival needs of it.
type arrivingUpload struct {
	ID             string
	OrganizationID uuid.UUID
	Name           string
	Filename       string
	Size           int64
	State          provisioner.UploadState
}

// lockArriving locks it, so that two last requests of a client that lost its connection ask for one verification.
func lockArriving(ctx context.Context, tx pgx.Tx, id string) (arrivingUpload, error) {
	rows, _ := tx.Query(ctx, `
		SELECT id, organization_id, coalesce(nullif(name, ''), filename) AS name, filename, size, state FROM uploads WHERE id = $1 FOR NO KEY UPDATE`, id)
	return store.One(rows, "upload", pgx.RowToStructByName[arrivingUpload])
}

// finish asks for its verification, of which by is who brought it.
func (u arrivingUpload) finish(ctx context.Context, tx pgx.Tx, by uuid.UUID) error {
	subject, err := UploadSubject(u.ID)
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE uploads SET state = 'checking', reason = '', finished_at = now(), finished_by = $2 WHERE id = $1`, u.ID, by); err != nil {
		return fmt.Errorf("finish upload %s: %w", u.ID, err)
	}
	if err := store.Enqueue(ctx, tx, queue.VerifyUpload{UploadID: subject}); err != nil {
		return fmt.Errorf("ask for verification of upload %s: %w", u.ID, err)
	}
	return store.WriteAudit(ctx, tx, store.AuditRow{
		By: by, Organization: u.OrganizationID, Verb: "finish upload", Subject: "upload", SubjectID: subject,
		Detail: map[string]any{"name": u.Name, "file": u.Filename, "size": u.Size},
	})
}
