package people

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// lockOrganization makes changes of an organization's members queue, so that none leaves it without an owner.
func lockOrganization(ctx context.Context, tx pgx.Tx, orgID uuid.UUID) error {
	var id uuid.UUID
	err := tx.QueryRow(ctx, `SELECT id FROM organizations WHERE id = $1 FOR NO KEY UPDATE`, orgID).Scan(&id)
	return store.Found(err, "organization")
}

// refuseLastOwner refuses ("last_owner") to take the role from an organization's only owner; call it under
// lockOrganization, in a statement after it.
func refuseLastOwner(ctx context.Context, tx pgx.Tx, orgID, personID uuid.UUID) error {
	var last bool
	err := tx.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM memberships WHERE organization_id = $1 AND person_id = $2 AND role = 'owner')
			AND NOT EXISTS (SELECT FROM memberships WHERE organization_id = $1 AND person_id <> $2 AND role = 'owner')`,
		orgID, personID).Scan(&last)
	if err != nil {
		return fmt.Errorf("read owners: %w", err)
	}
	if !last {
		return nil
	}
	return &refusal.Error{
		Code: "last_owner", Title: "The organization would be left without an owner: there is 1 now.",
		Next: "Make someone else an owner first.", Fields: map[string]string{"role": "There has to be an owner besides."},
	}
}

// ChangeMember gives a member another role; a cap counts for plain members alone, and is kept while the role is another: only
// who sets caps takes it away. The member is mailed; who has the role already keeps it, and nothing is logged.
// Refusals: "invalid" for role, "last_owner", NotFound("member").
func (db *DB) ChangeMember(ctx context.Context, orgID, by, personID uuid.UUID, role OrganizationRole) error {
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
		var was OrganizationRole
		err := tx.QueryRow(ctx, `SELECT role FROM memberships WHERE organization_id = $1 AND person_id = $2`, orgID, personID).Scan(&was)
		if err != nil || was == role {
			return store.Found(err, "member")
		}
		_, err = tx.Exec(ctx, `UPDATE memberships SET role = $3 WHERE organization_id = $1 AND person_id = $2`, orgID, personID, role)
		if err != nil {
			return fmt.Errorf("change member: %w", err)
		}
		if err := db.warnOfRole(ctx, tx, Place{OrganizationID: orgID}, personID, by, string(role)); err != nil {
			return err
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: by, Organization: orgID, Verb: "change role", Subject: "person", SubjectID: personID, Detail: map[string]any{"role": role}})
	})
}
