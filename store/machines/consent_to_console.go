package machines

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// mostConsent is the longest time for which consoles may be shown to a provider's staff at once.
const mostConsent = 30 * 24 * time.Hour

// ConsentToConsole lets the provider's staff see the consoles of a cluster for some time, beginning now; it replaces the
// consent that is there. Refusals: "invalid" for hours, "gone", NotFound("cluster").
func (db *DB) ConsentToConsole(ctx context.Context, orgID, by, clusterID uuid.UUID, lasts time.Duration) error {
	f := store.Fields{}
	f.Check(lasts >= time.Minute && lasts <= mostConsent, "hours", "Choose between 1 minute and 30 days.")
	if err := f.Refusal(); err != nil {
		return err
	}
	id, err := store.NewID()
	if err != nil {
		return err
	}
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		providerID, gone, err := lockForConsent(ctx, tx, orgID, clusterID)
		if err != nil {
			return err
		}
		if gone {
			return &refusal.Error{Code: "gone", Title: "This cluster is gone, and its consoles with it.", Next: "There is nothing to show any more."}
		}
		if _, err := tx.Exec(ctx, `UPDATE console_consents SET revoked_at = now() WHERE cluster_id = $1 AND revoked_at IS NULL`, clusterID); err != nil {
			return fmt.Errorf("replace consent: %w", err)
		}
		var until time.Time
		err = tx.QueryRow(ctx, `
			INSERT INTO console_consents (id, cluster_id, organization_id, person_id, created_at, until_at)
			VALUES ($1, $2, $3, $4, now(), now() + $5::interval) RETURNING until_at`, id, clusterID, orgID, by, lasts).Scan(&until)
		if err != nil {
			return fmt.Errorf("consent to console: %w", err)
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{
			By: by, Organization: orgID, Provider: providerID, Verb: "consent to console", Subject: "cluster", SubjectID: clusterID,
			Detail: map[string]any{"until": until.UTC().Format(time.RFC3339)},
		})
	})
}
