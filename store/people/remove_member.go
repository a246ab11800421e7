package people

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// RemoveMember ends a membership; what the person made stays with the organization, and so does a cap, for the case that they come
// back: leaving and being invited again takes none away. by may be the person: leaving.
// Refusals: "last_owner", NotFound("member").
func (db *DB) RemoveMember(ctx context.Context, orgID, by, personID uuid.UUID) error {
	verb := "remove member"
	if by == personID {
		verb = "leave"
	}
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		if err := lockOrganization(ctx, tx, orgID); err != nil {
			return err
		}
		if err := refuseLastOwner(ctx, tx, orgID, personID); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `
			INSERT INTO left_caps (organization_id, person_id, cap, cap_since)
			SELECT organization_id, person_id, cap, cap_since FROM memberships WHERE organization_id = $1 AND person_id = $2 AND cap IS NOT NULL`, orgID, personID)
		if err != nil {
			return fmt.Errorf("keep cap of member: %w", err)
		}
		tag, err := tx.Exec(ctx, `DELETE FROM memberships WHERE organization_id = $1 AND person_id = $2`, orgID, personID)
		if err != nil {
			return fmt.Errorf("remove member: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return refusal.NotFound("member")
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: by, Organization: orgID, Verb: verb, Subject: "person", SubjectID: personID})
	})
}
