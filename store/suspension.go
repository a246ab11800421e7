package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"volary.dev/provisioner"
)

// refuseSuspended refuses what would take hosts, disks or money for a suspended organization ("suspended"). The
// organization's row is shared until the transaction ends: a suspension waits for it, and then finds what it made.
// Call it after the pool's lock and before a cluster's.
func refuseSuspended(ctx context.Context, tx pgx.Tx, orgID uuid.UUID) error {
	var since *time.Time
	var name, reason string
	err := tx.QueryRow(ctx, `SELECT name, suspended_at, suspended_reason FROM organizations WHERE id = $1 FOR SHARE`, orgID).
		Scan(&name, &since, &reason)
	if err != nil {
		return found(err, "organization")
	}
	if since == nil {
		return nil
	}
	return &provisioner.Refusal{
		Code:  "suspended",
		Title: fmt.Sprintf("%s has been suspended since %s: %s", name, since.UTC().Format("2 January 2006 15:04 MST"), reason),
		Next:  "Ask the people who run this Volary to lift the suspension. Reading, downloading, stopping and deleting work meanwhile.",
	}
}

// SuspendOrganization shuts an organization out of everything that takes hosts, disks or money, stops its clusters,
// ends its acceptance tests, and writes to its owners. Refusals: "invalid" for reason, "state" (suspended already),
// NotFound("organization").
func (db *DB) SuspendOrganization(ctx context.Context, by, orgID uuid.UUID, reason string) error {
	if err := checkReason(reason); err != nil {
		return err
	}
	return db.tx(ctx, func(tx pgx.Tx) error {
		// Launches share this row: those under way end first, and their clusters are found below.
		if err := lockOrganization(ctx, tx, orgID); err != nil {
			return err
		}
		var name string
		err := tx.QueryRow(ctx, `
			UPDATE organizations SET suspended_at = now(), suspended_reason = $2 WHERE id = $1 AND suspended_at IS NULL RETURNING name`,
			orgID, reason).Scan(&name)
		if isNotFound(found(err, "organization")) {
			return suspendedAlready("organization")
		}
		if err != nil {
			return fmt.Errorf("suspend organization: %w", err)
		}
		stopped, err := db.clusters.StopOrganization(ctx, tx, orgID, reason)
		if err != nil {
			return err
		}
		owners, err := membersWith(ctx, tx, orgID, RoleOwner)
		if err != nil {
			return err
		}
		err = db.mailTo(ctx, tx, owners, MailSuspended, map[string]string{"organization": name, "reason": reason, "path": "/org"})
		if err != nil {
			return err
		}
		return writeAudit(ctx, tx, auditRow{
			By: by, Organization: orgID, Verb: "suspend organization", Subject: "organization", SubjectID: orgID,
			Detail: map[string]any{"reason": reason, "clusters": stopped},
		})
	})
}

func checkReason(reason string) error {
	f := fields{}
	f.length("reason", reason, 5, 500)
	return f.refusal()
}

func suspendedAlready(what string) *provisioner.Refusal {
	return &provisioner.Refusal{Code: "state", Title: "This " + what + " is suspended already.", Next: "Lift the suspension first to give another reason."}
}

// LiftOrganization ends an organization's suspension; its clusters stay stopped until someone starts them. Refusals:
// "state" (not suspended), NotFound("organization").
func (db *DB) LiftOrganization(ctx context.Context, by, orgID uuid.UUID) error {
	return db.tx(ctx, func(tx pgx.Tx) error {
		if err := lockOrganization(ctx, tx, orgID); err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `UPDATE organizations SET suspended_at = NULL, suspended_reason = '' WHERE id = $1 AND suspended_at IS NOT NULL`, orgID)
		if err != nil {
			return fmt.Errorf("lift suspension: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return notSuspended("organization")
		}
		return writeAudit(ctx, tx, auditRow{By: by, Organization: orgID, Verb: "lift suspension", Subject: "organization", SubjectID: orgID})
	})
}

func notSuspended(what string) *provisioner.Refusal {
	return &provisioner.Refusal{Code: "state", Title: "This " + what + " is not suspended.", Next: "Nothing is to be done."}
}
