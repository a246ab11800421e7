package store

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
)

// OrganizationRole is what a member may do for an organization.
type OrganizationRole string

// The roles of members, from most to least: billing reads usage only.
const (
	RoleOwner   OrganizationRole = "owner"
	RoleManager OrganizationRole = "manager"
	RoleMember  OrganizationRole = "member"
	RoleBilling OrganizationRole = "billing"
)

// CreateOrganization adds an organization. Refusals: "invalid" for name, "duplicate".
func (db *DB) CreateOrganization(ctx context.Context, by uuid.UUID, name string) (uuid.UUID, error) {
	f := fields{}
	f.length("name", name, 2, 80)
	if err := f.refusal(); err != nil {
		return uuid.Nil, err
	}
	id, err := newID()
	if err != nil {
		return uuid.Nil, err
	}
	return id, db.tx(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `INSERT INTO organizations (id, name, created_at) VALUES ($1, $2, now())`, id, name)
		if uniqueViolation(err, "organizations_name_key") {
			return duplicate("an organization", "name", name)
		}
		if err != nil {
			return fmt.Errorf("create organization: %w", err)
		}
		return writeAudit(ctx, tx, auditRow{By: by, Organization: id, Verb: "create organization", Subject: "organization", SubjectID: id})
	})
}

// OrganizationByName finds an organization for the operator's commands.
func (db *DB) OrganizationByName(ctx context.Context, name string) (uuid.UUID, error) {
	rows, _ := db.pool.Query(ctx, `SELECT id FROM organizations WHERE name = $1`, name)
	return one(rows, "organization", pgx.RowTo[uuid.UUID])
}

// AddMember makes a person a member, or changes the role of one. Refusals: "invalid" for role, NotFound.
func (db *DB) AddMember(ctx context.Context, by, orgID, personID uuid.UUID, role OrganizationRole) error {
	switch role {
	case RoleOwner, RoleManager, RoleMember, RoleBilling:
	default:
		return provisioner.Invalid(map[string]string{"role": fmt.Sprintf("%q is no role: choose owner, manager, member or billing.", role)})
	}
	return db.tx(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			INSERT INTO memberships (organization_id, person_id, role, created_at) VALUES ($1, $2, $3, now())
			ON CONFLICT (organization_id, person_id) DO UPDATE SET role = excluded.role`, orgID, personID, role)
		if foreignKeyViolation(err) {
			return provisioner.NotFound("person or organization")
		}
		if err != nil {
			return fmt.Errorf("add member: %w", err)
		}
		return writeAudit(ctx, tx, auditRow{By: by, Organization: orgID, Verb: "add member", Subject: "person", SubjectID: personID, Detail: map[string]any{"role": role}})
	})
}
