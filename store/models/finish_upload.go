package models

import (
	"context"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
	"volary.dev/store/people"
	"volary.dev/store/queue"
)

// FinishUpload makes an image of an upload whose last byte arrived, and asks for its verification, in one
// transaction. A second call gives the same image. An empty name, or one that is none (typed.ParseName), takes the file's. The image is of who sent the last byte,
// and whether they may bring one is asked here again: sending takes hours. Refusals: NotFound("upload"), "forbidden",
// "suspended"; what arrived is kept then for who may go on with it.
func (db *DB) FinishUpload(ctx context.Context, by uuid.UUID, id, name string) (uuid.UUID, error) {
	var image uuid.UUID
	return image, db.core.Tx(ctx, func(tx pgx.Tx) error {
		var err error
		image, err = db.finishUpload(ctx, tx, by, id, strings.TrimSpace(name))
		return err
	})
}

func (db *DB) finishUpload(ctx context.Context, tx pgx.Tx, by uuid.UUID, id, name string) (uuid.UUID, error) {
	// Locked, so that two last requests of a client that lost its connection make one image.
	rows, _ := tx.Query(ctx, `
		SELECT u.organization_id, u.filename, u.size, i.id AS image
		FROM uploads u LEFT JOIN images i ON i.upload_id = u.id WHERE u.id = $1 FOR NO KEY UPDATE OF u`, id)
	u, err := store.One(rows, "upload", pgx.RowToStructByName[struct {
		OrganizationID uuid.UUID
		Filename       string
		Size           int64
		Image          *uuid.UUID
	}])
	if err != nil {
		return uuid.Nil, err
	}
	if u.Image != nil {
		return *u.Image, nil
	}
	if err := people.RefuseSuspended(ctx, tx, u.OrganizationID); err != nil {
		return uuid.Nil, err
	}
	if err := people.RefuseWithoutWork(ctx, tx, u.OrganizationID, by); err != nil {
		return uuid.Nil, err
	}
	// The bytes are here: a name that cannot be kept is no reason to refuse them.
	if name, err = typed.ParseName(name); err != nil {
		name = u.Filename
	}
	if len([]rune(name)) > 255 {
		name = string([]rune(name)[:255])
	}
	image, err := store.NewID()
	if err != nil {
		return uuid.Nil, err
	}
	if _, err := tx.Exec(ctx, `UPDATE uploads SET finished_at = now() WHERE id = $1`, id); err != nil {
		return uuid.Nil, fmt.Errorf("finish upload %s: %w", id, err)
	}
	if _, err := tx.Exec(ctx, `
		INSERT INTO images (id, organization_id, person_id, upload_id, name, size, state, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, 'checking', now())`, image, u.OrganizationID, by, id, name, u.Size); err != nil {
		return uuid.Nil, fmt.Errorf("image of upload %s: %w", id, err)
	}
	if err := store.Enqueue(ctx, tx, queue.VerifyImage{ImageID: image}); err != nil {
		return uuid.Nil, fmt.Errorf("ask for verification of image %s: %w", image, err)
	}
	return image, store.WriteAudit(ctx, tx, store.AuditRow{
		By: by, Organization: u.OrganizationID, Verb: "upload image", Subject: "image", SubjectID: image,
		Detail: map[string]any{"name": name, "size": u.Size},
	})
}
