package people

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// SuspendOrganization shuts an organization out of everything that takes hosts, disks or money, stops its clusters,
// ends its acceptance tests, and writes to its owners. Refusals: "invalid" for reason, "state" (suspended already),
// NotFound("organization").
func (db *DB) SuspendOrganization(ctx context.Context, by, orgID uuid.UUID, reason string) error {
	if err := checkReason(reason); err != nil {
		return err
	}
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		// Launches share this row: those under way end first, and their clusters are found below.
		if err := lockOrganization(ctx, tx, orgID); err != nil {
			return err
		}
		var name string
		err := tx.QueryRow(ctx, `
			UPDATE organizations SET suspended_at = now(), suspended_reason = $2 WHERE id = $1 AND suspended_at IS NULL RETURNING name`,
			orgID, reason).Scan(&name)
		if isNotFound(store.Found(err, "organization")) {
			return suspendedAlready("organization")
		}
		if err != nil {
			return fmt.Errorf("suspend organization: %w", err)
		}
		stopped, err := db.clusters.StopOrganization(ctx, tx, orgID, reason)
		if err != nil {
			return err
		}
		owners, err := MembersWith(ctx, tx, orgID, RoleOwner)
		if err != nil {
			return err
		}
		err = db.core.MailTo(ctx, tx, owners, store.MailSuspended, map[string]string{"organization": name, "reason": reason, "path": "/org"})
		if err != nil {
			return err
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{
			By: by, Organization: orgID, Verb: "suspend organization", Subject: "organization", SubjectID: orgID,
			Detail: map[string]any{"reason": reason, "clusters": stopped},
		})
	})
}
