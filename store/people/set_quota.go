package people

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// MostQuota is the largest quota, in bytes: 1 PiB.
const MostQuota = 1 << 50

// SetQuota gives an organization a quota of its own, in bytes, or, by nil, the platform's again. What it keeps already stays, even where
// that is more. Refusals: "invalid" for quota, NotFound("organization").
func (db *DB) SetQuota(ctx context.Context, by, orgID uuid.UUID, quota *int64) error {
	if quota != nil {
		f := store.Fields{}
		f.Between("quota", *quota, 0, MostQuota, "bytes")
		if err := f.Refusal(); err != nil {
			return err
		}
	}
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		// Announcements of uploads hold this row, too: they see the quota from before, and are here then, or the new one.
		if err := lockOrganization(ctx, tx, orgID); err != nil {
			return err
		}
		var before *int64
		if err := tx.QueryRow(ctx, `SELECT quota FROM organizations WHERE id = $1`, orgID).Scan(&before); err != nil {
			return fmt.Errorf("read quota of %s: %w", orgID, err)
		}
		if _, err := tx.Exec(ctx, `UPDATE organizations SET quota = $2 WHERE id = $1`, orgID, quota); err != nil {
			return fmt.Errorf("set quota of %s: %w", orgID, err)
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{
			By: by, Organization: orgID, Verb: "set quota", Subject: "organization", SubjectID: orgID, Detail: map[string]any{"quota": quota, "before": before},
		})
	})
}
