package machines

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// WithdrawConsoleConsent ends a consent; open consoles close at once. Withdrawing what is not there is no
// error.
func (db *DB) WithdrawConsoleConsent(ctx context.Context, orgID, by, clusterID uuid.UUID) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		providerID, _, err := lockForConsent(ctx, tx, orgID, clusterID)
		if err != nil {
			return err
		}
		tag, err := tx.Exec(ctx, `UPDATE console_consents SET revoked_at = now() WHERE cluster_id = $1 AND revoked_at IS NULL`, clusterID)
		if err != nil {
			return fmt.Errorf("withdraw consent: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return nil
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: by, Organization: orgID, Provider: providerID, Verb: "withdraw consent to console", Subject: "cluster", SubjectID: clusterID})
	})
}
