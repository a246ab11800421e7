package models

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
)

// FetchFailure is why an upload was not fetched.
type FetchFailure struct {
	Why, Advice string            // sentences for a person
	Leads       *typed.WebAddress // where its server says that the file is; nil: nowhere
	Final       bool              // nothing is fetched from there, whatever a person does
}

// FailFetch ends the fetching of an upload. What is here stays for a day, and a person may have it tried again; of a final failure the
// upload is refused, which is what its page and the log say for 30 days. What is not fetched any more, or gone, stays as it is.
func (db *DB) FailFetch(ctx context.Context, id string, f FetchFailure) error {
	var leads string
	var sealed []byte
	if f.Leads != nil {
		var err error
		if sealed, err = db.core.Seal(f.Leads.Full); err != nil {
			return fmt.Errorf("fetch of upload %s: %w", id, err)
		}
		leads = f.Leads.Shown
	}
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		u, err := lockArriving(ctx, tx, id)
		if r, ok := refusal.As(err); ok && r.Code == "not_found" {
			return nil
		}
		if err != nil || u.State != provisioner.UploadArriving {
			return err
		}
		tag, err := tx.Exec(ctx, `
			UPDATE upload_sources SET state = $2, advice = $3, leads = $4, leads_sealed = $5, rate = 0, waits_since = NULL,
				sealed = CASE $2 WHEN 'ended' THEN NULL ELSE sealed END, given_sealed = CASE $2 WHEN 'ended' THEN NULL ELSE given_sealed END
			WHERE upload_id = $1 AND state IN ('waiting', 'fetching')`, id, map[bool]FetchState{true: FetchEnded, false: FetchFailed}[f.Final], f.Advice, leads, sealed)
		if err != nil || tag.RowsAffected() == 0 {
			return err
		}
		if f.Final {
			return u.refuse(ctx, tx, f)
		}
		if _, err := tx.Exec(ctx, `UPDATE uploads SET reason = $2 WHERE id = $1`, id, f.Why); err != nil {
			return fmt.Errorf("fail fetch of upload %s: %w", id, err)
		}
		return nil
	})
}

// refuse is the verdict on what never came.
func (u arrivingUpload) refuse(ctx context.Context, tx pgx.Tx, f FetchFailure) error {
	checks, err := checksJSON([]provisioner.ImageCheck{{Name: "address", Detail: f.Why, Repair: f.Advice}})
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `
		UPDATE uploads SET state = 'refused', reason = $2, checks = $3, finished_at = now(), finished_by = person_id, verified_at = now() WHERE id = $1`, u.ID, f.Why, checks); err != nil {
		return fmt.Errorf("refuse upload %s: %w", u.ID, err)
	}
	subject, err := UploadSubject(u.ID)
	if err != nil {
		return err
	}
	return store.WriteAudit(ctx, tx, store.AuditRow{
		Organization: u.OrganizationID, Verb: "refuse upload", Subject: "upload", SubjectID: subject, Detail: map[string]any{"name": u.Name, "reason": f.Why},
	})
}

// CancelFetch notes that the job that fetches an upload was ended by somebody who runs jobs.
func CancelFetch(ctx context.Context, tx pgx.Tx, id, why string) error {
	_, err := tx.Exec(ctx, `UPDATE upload_sources SET state = 'failed', waits_since = NULL, advice = 'Try again, or tell the operator.' WHERE upload_id = $1 AND state IN ('waiting', 'fetching')`, id)
	_, err2 := tx.Exec(ctx, `UPDATE uploads SET reason = $2 WHERE id = $1 AND state = 'arriving'`, id, "Its fetching was "+why+".")
	return errors.Join(err, err2)
}

// ReopenFetch notes that a job that fetches an upload is to be tried again.
func ReopenFetch(ctx context.Context, tx pgx.Tx, id string) error {
	_, err := tx.Exec(ctx, `UPDATE upload_sources SET state = 'waiting', advice = '', cuts = 0, begun = 0, started_at = NULL, waits_since = NULL WHERE upload_id = $1 AND state = 'failed'`, id)
	_, err2 := tx.Exec(ctx, `UPDATE uploads SET reason = '' WHERE id = $1 AND state = 'arriving'`, id)
	return errors.Join(err, err2)
}
