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
	subject, err := UploadSubject(id)
	if err != nil {
		return err
	}
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		// Locked, so that two last requests of a client that lost its connection ask for one verification.
		rows, _ := tx.Query(ctx, `SELECT organization_id, coalesce(nullif(name, ''), filename) AS name, filename, size, state FROM uploads WHERE id = $1 FOR NO KEY UPDATE`, id)
		u, err := store.One(rows, "upload", pgx.RowToStructByName[struct {
			OrganizationID uuid.UUID
			Name           string
			Filename       string
			Size           int64
			State          provisioner.UploadState
		}])
		if err != nil || u.State != provisioner.UploadArriving {
			return err
		}
		if err := people.RefuseSuspended(ctx, tx, u.OrganizationID); err != nil {
			return err
		}
		if err := people.RefuseWithoutWork(ctx, tx, u.OrganizationID, by); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE uploads SET state = 'checking', finished_at = now(), finished_by = $2 WHERE id = $1`, id, by); err != nil {
			return fmt.Errorf("finish upload %s: %w", id, err)
		}
		if err := store.Enqueue(ctx, tx, queue.VerifyUpload{UploadID: subject}); err != nil {
			return fmt.Errorf("ask for verification of upload %s: %w", id, err)
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{
			By: by, Organization: u.OrganizationID, Verb: "finish upload", Subject: "upload", SubjectID: subject,
			Detail: map[string]any{"name": u.Name, "file": u.Filename, "size": u.Size},
		})
	})
}
