package models

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
	"volary.dev/store/people"
)

// RefuseFetch refuses that the fetching of an upload begins or goes on: NotFound("upload") where it is gone, is sent, or arrives no more,
// "suspended" and "forbidden" where its organization, or who gave the address or had it tried again last, may bring nothing any more.
func (db *DB) RefuseFetch(ctx context.Context, id string) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		var orgID, by uuid.UUID
		if err := tx.QueryRow(ctx, `
			SELECT u.organization_id, s.asked_by FROM uploads u JOIN upload_sources s ON s.upload_id = u.id WHERE u.id = $1 AND u.state = 'arriving'`, id).Scan(&orgID, &by); err != nil {
			return store.Found(err, "upload")
		}
		return refuseIdleAsker(ctx, tx, orgID, by)
	})
}

// refuseIdleAsker is people.RefuseIdle in words for whoever reads the upload's page, who is mostly another one.
func refuseIdleAsker(ctx context.Context, tx pgx.Tx, orgID, by uuid.UUID) error {
	err := people.RefuseIdle(ctx, tx, orgID, by)
	if r, ok := refusal.As(err); !ok || r.Code != "forbidden" {
		return err
	}
	var name string
	if err := tx.QueryRow(ctx, `SELECT name FROM people WHERE id = $1`, by).Scan(&name); err != nil {
		return store.Found(err, "person")
	}
	return &refusal.Error{
		Code: "forbidden", Title: typed.Isolate(name) + " asked for it, and may bring no images to this organization any more.",
		Next: "Try it again, if you may: what comes of it is yours then.",
	}
}
