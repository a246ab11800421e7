package people

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// RevokeInvitation takes an open invitation back. Refusals: NotFound("invitation"), also where it is not open.
func (db *DB) RevokeInvitation(ctx context.Context, at Place, by, id uuid.UUID) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			UPDATE invitations SET revoked_at = now()
			WHERE id = $1 AND (organization_id = $2 OR provider_id = $3) AND accepted_at IS NULL AND revoked_at IS NULL`,
			id, store.OrNull(at.OrganizationID), store.OrNull(at.ProviderID))
		if err != nil {
			return fmt.Errorf("revoke invitation: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return refusal.NotFound("invitation")
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{
			By: by, Organization: at.OrganizationID, Provider: at.ProviderID, Verb: "revoke invitation", Subject: "invitation", SubjectID: id,
		})
	})
}
