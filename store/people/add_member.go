package people

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// AddMember makes a person a member, or changes the role of one; who has it already keeps it, and nothing is logged. Refusals: "invalid" for role, "last_owner", NotFound.
func (db *DB) AddMember(ctx context.Context, by, orgID, personID uuid.UUID, role OrganizationRole) error {
	if err := role.check(); err != nil {
		return err
	}
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		if err := lockOrganization(ctx, tx, orgID); err != nil {
			return err
		}
		if role != RoleOwner {
			if err := refuseLastOwner(ctx, tx, orgID, personID); err != nil {
				return err
			}
		}
		changed, err := insertMember(ctx, tx, orgID, personID, role)
		if store.ForeignKeyViolation(err) {
			return refusal.NotFound("person or organization")
		}
		if err != nil || !changed {
			return err
		}
		if err := db.warnOfRole(ctx, tx, Place{OrganizationID: orgID}, personID, by, string(role)); err != nil {
			return err
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: by, Organization: orgID, Verb: "add member", Subject: "person", SubjectID: personID, Detail: map[string]any{"role": role}})
	})
}
