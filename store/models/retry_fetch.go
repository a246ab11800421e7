package models

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
	"volary.dev/store/people"
	"volary.dev/store/queue"
)

// RetryFetch has an upload whose fetching failed tried again: from its address, or, where from is the address that its server leads to
// (Fetch.Leads) or the one that was given before it led elsewhere (Fetch.Given), from there. What comes of it is of who says so. Refusals: NotFound("upload"), "suspended", "uploads" (MaxFetchesAnHour), "conflict" where it did not fail or leads elsewhere by now.
func (db *DB) RetryFetch(ctx context.Context, orgID, by uuid.UUID, id, from string) error {
	subject, err := UploadSubject(id)
	if err != nil {
		return refusal.NotFound("upload")
	}
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		if err := tx.QueryRow(ctx, `SELECT FROM uploads WHERE organization_id = $1 AND id = $2 FOR NO KEY UPDATE`, orgID, id).Scan(); err != nil {
			return store.Found(err, "upload")
		}
		if err := people.RefuseSuspended(ctx, tx, orgID); err != nil {
			return err
		}
		u, err := readUpload(ctx, tx, orgID, id)
		if err != nil {
			return err
		}
		switch {
		case !u.Arrives() || u.FetchState != FetchFailed:
			return &refusal.Error{Code: "conflict", Title: typed.Isolate(u.Name) + " did not fail, or somebody has it tried again already.", Next: "See on its page how far it is."}
		case from != "" && from != u.Leads && from != u.Given:
			return &refusal.Error{Code: "conflict", Title: "The server leads somewhere else by now.", Next: "Look at the address once more before you go on from there."}
		}
		if err := refuseManyFetches(ctx, tx, orgID); err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `
			UPDATE upload_sources SET state = 'waiting', advice = '', cuts = 0, begun = 0, started_at = NULL, waits_since = NULL, leads = '', asked_by = $2
			WHERE upload_id = $1`, id, by); err != nil {
			return fmt.Errorf("retry fetch of upload %s: %w", id, err)
		}
		// Else as it is: the worker may not have followed yet where somebody said so before, and the page has that address since.
		var where string
		switch from {
		case "":
		case u.Leads:
			where = `follow = true, address = $2, given = coalesce(nullif(given, ''), address)`
		default:
			where = `back = true, follow = false, address = $2, given = ''`
		}
		if where != "" {
			if _, err := tx.Exec(ctx, `UPDATE upload_sources SET `+where+` WHERE upload_id = $1`, id, from); err != nil {
				return fmt.Errorf("retry fetch of upload %s: %w", id, err)
			}
		}
		if _, err := tx.Exec(ctx, `UPDATE uploads SET reason = '' WHERE id = $1`, id); err != nil {
			return fmt.Errorf("retry fetch of upload %s: %w", id, err)
		}
		if err := store.Enqueue(ctx, tx, queue.FetchUpload{UploadID: subject}); err != nil {
			return err
		}
		address := u.Source
		if from != "" {
			address = from
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{
			By: by, Organization: orgID, Verb: "fetch upload", Subject: "upload", SubjectID: subject, Detail: map[string]any{"name": u.Name, "address": address},
		})
	})
}
