package machines

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
	"volary.dev/store/people"
)

// SetCap gives a member a cap, or with nil takes it away. Counting begins anew. Owners and managers have none.
// Refusals: "invalid" for cap, "state" where the person is no plain member, NotFound("member").
func (db *DB) SetCap(ctx context.Context, orgID, by, personID uuid.UUID, limit *billing.Hours) error {
	if limit != nil && (*limit < 0 || *limit > billing.MaxHours) {
		return refusal.Invalid(map[string]string{"cap": fmt.Sprintf("Write 0 to %s compute hours, or nothing for no cap.", billing.MaxHours)})
	}
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		var role people.OrganizationRole
		err := tx.QueryRow(ctx, `
			SELECT role FROM memberships WHERE organization_id = $1 AND person_id = $2 FOR NO KEY UPDATE`, orgID, personID).Scan(&role)
		if err != nil {
			return store.Found(err, "member")
		}
		if role != people.RoleMember {
			return &refusal.Error{
				Code: "state", Title: fmt.Sprintf("Only members have a cap; this person's role is %s.", role),
				Next: "Make the person a member first, or leave the cap out.",
			}
		}
		_, err = tx.Exec(ctx, `
			UPDATE memberships SET cap = $3::bigint, cap_since = CASE WHEN $3::bigint IS NULL THEN NULL ELSE now() END
			WHERE organization_id = $1 AND person_id = $2`, orgID, personID, limit)
		if err != nil {
			return fmt.Errorf("set cap: %w", err)
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{
			By: by, Organization: orgID, Verb: "set cap", Subject: "person", SubjectID: personID, Detail: map[string]any{"cap": limit},
		})
	})
}
