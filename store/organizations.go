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
		return insertOrganization(ctx, tx, by, id, name, "name")
	})
}

// insertOrganization makes an organization; field is what its name is called in the form.
func insertOrganization(ctx context.Context, tx pgx.Tx, by, id uuid.UUID, name, field string) error {
	_, err := tx.Exec(ctx, `INSERT INTO organizations (id, name, created_at) VALUES ($1, $2, now())`, id, name)
	if uniqueViolation(err, "organizations_name_key") {
		return duplicate("an organization", field, name)
	}
	if err != nil {
		return fmt.Errorf("create organization: %w", err)
	}
	return writeAudit(ctx, tx, auditRow{By: by, Organization: id, Verb: "create organization", Subject: "organization", SubjectID: id})
}

// OrganizationByName finds an organization for the operator's commands.
func (db *DB) OrganizationByName(ctx context.Context, name string) (uuid.UUID, error) {
	rows, _ := db.pool.Query(ctx, `SELECT id FROM organizations WHERE name = $1`, name)
	return one(rows, "organization", pgx.RowTo[uuid.UUID])
}

// AddMember makes a person a member, or changes the role of one; who has it already keeps it, and nothing is logged. Refusals: "invalid" for role, "last_owner", NotFound.
func (db *DB) AddMember(ctx context.Context, by, orgID, personID uuid.UUID, role OrganizationRole) error {
	if err := role.check(); err != nil {
		return err
	}
	return db.tx(ctx, func(tx pgx.Tx) error {
		if err := lockOrganization(ctx, tx, orgID); err != nil {
			return err
		}
		if role != RoleOwner {
			if err := refuseLastOwner(ctx, tx, orgID, personID); err != nil {
				return err
			}
		}
		changed, err := insertMember(ctx, tx, orgID, personID, role)
		if foreignKeyViolation(err) {
			return provisioner.NotFound("person or organization")
		}
		if err != nil || !changed {
			return err
		}
		return writeAudit(ctx, tx, auditRow{By: by, Organization: orgID, Verb: "add member", Subject: "person", SubjectID: personID, Detail: map[string]any{"role": role}})
	})
}

func (r OrganizationRole) check() error {
	switch r {
	case RoleOwner, RoleManager, RoleMember, RoleBilling:
		return nil
	default:
		return provisioner.Invalid(map[string]string{"role": fmt.Sprintf("%q is no role: choose owner, manager, member or billing.", r)})
	}
}

// insertMember gives a person a role, whichever they had, and says whether it is another one.
func insertMember(ctx context.Context, tx pgx.Tx, orgID, personID uuid.UUID, role OrganizationRole) (changed bool, err error) {
	tag, err := tx.Exec(ctx, `
		INSERT INTO memberships (organization_id, person_id, role, created_at) VALUES ($1, $2, $3, now())
		ON CONFLICT (organization_id, person_id) DO UPDATE SET role = excluded.role
		WHERE memberships.role <> excluded.role`, orgID, personID, role)
	if err != nil {
		return false, fmt.Errorf("add member: %w", err)
	}
	return tag.RowsAffected() > 0, nil
}
