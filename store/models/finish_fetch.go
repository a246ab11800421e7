package models

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/store"
)

// FinishFetch notes that the last byte of an upload was fetched, forgets its address, and asks for its verification, in one transaction. A
// second call changes nothing. What comes of it is of who gave the address or had it tried again last, and whether they may bring images is asked again.
// Refusals: NotFound("upload"), "forbidden", "suspended".
func (db *DB) FinishFetch(ctx context.Context, id string) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		u, err := lockArriving(ctx, tx, id)
		if err != nil || u.State != provisioner.UploadArriving {
			return err
		}
		var by uuid.UUID
		if err := tx.QueryRow(ctx, `SELECT asked_by FROM upload_sources WHERE upload_id = $1`, id).Scan(&by); err != nil {
			return store.Found(err, "upload")
		}
		if err := refuseIdleAsker(ctx, tx, u.OrganizationID, by); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `
			UPDATE upload_sources SET state = 'ended', sealed = NULL, leads_sealed = NULL, given_sealed = NULL, leads = '', received = $2, rate = 0 WHERE upload_id = $1`, id, u.Size); err != nil {
			return fmt.Errorf("finish fetch of upload %s: %w", id, err)
		}
		return u.finish(ctx, tx, by)
	})
}
