package models

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/store"
)

// RefuseUpload ends an upload that arrives still, for what its first bytes tell: its page says why, its bytes are nobody's from now on, and it
// has no time at which all was here. by is who sent them; detail and repair are those of its one check, of the format. An upload that arrives no more refuses with NotFound("upload").
func (db *DB) RefuseUpload(ctx context.Context, by uuid.UUID, id, detail, repair string) error {
	subject, err := UploadSubject(id)
	if err != nil {
		return err
	}
	checks, err := checksJSON([]provisioner.ImageCheck{{Name: "format", Detail: detail, Repair: repair}})
	if err != nil {
		return err
	}
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		rows, _ := tx.Query(ctx, `SELECT organization_id, name FROM refuse_upload($1, $2, $3)`, id, detail, checks)
		u, err := store.One(rows, "upload", pgx.RowToStructByName[struct {
			OrganizationID uuid.UUID
			Name           string
		}])
		if err != nil {
			return err
		}
		if err := store.WriteAudit(ctx, tx, store.AuditRow{
			By: by, Organization: u.OrganizationID, Verb: "refuse upload", Subject: "upload", SubjectID: subject,
			Detail: map[string]any{"name": u.Name, "reason": detail},
		}); err != nil {
			return fmt.Errorf("refuse upload %s: %w", id, err)
		}
		return nil
	})
}
