package people

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"golang.org/x/text/unicode/norm"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// OrganizationRole is what a member may do for an organization.
type OrganizationRole string

// The roles of members, from most to least: billing orders and reads usage, an auditor reads all and changes nothing.
const (
	RoleOwner   OrganizationRole = "owner"
	RoleManager OrganizationRole = "manager"
	RoleMember  OrganizationRole = "member"
	RoleBilling OrganizationRole = "billing"
	RoleAuditor OrganizationRole = "auditor"
)

// insertOrganization makes an organization; field is what its name is called in the form.
func insertOrganization(ctx context.Context, tx pgx.Tx, by, id uuid.UUID, name, field string) error {
	_, err := tx.Exec(ctx, `INSERT INTO organizations (id, name, created_at) VALUES ($1, $2, now())`, id, name)
	if store.UniqueViolation(err, "organizations_name_key") {
		r := store.Duplicate("an organization", field, name)
		r.Next = "Choose another name; if it is your group, ask its owner to invite you."
		return r
	}
	if err != nil {
		return fmt.Errorf("create organization: %w", err)
	}
	if err := store.TakeName(ctx, tx, store.TakenName{Kind: store.OrganizationName, Subject: id, Name: name, Field: field}); err != nil {
		return err
	}
	return store.WriteAudit(ctx, tx, store.AuditRow{By: by, Organization: id, Verb: "create organization", Subject: "organization", SubjectID: id})
}

// OrganizationByName finds an organization for the operator's commands.
func (db *DB) OrganizationByName(ctx context.Context, name string) (uuid.UUID, error) {
	rows, _ := db.pool.Query(ctx, `SELECT id FROM organizations WHERE name = $1`, norm.NFC.String(name))
	return store.One(rows, "organization", pgx.RowTo[uuid.UUID])
}

func (r OrganizationRole) check() error {
	switch r {
	case RoleOwner, RoleManager, RoleMember, RoleBilling, RoleAuditor:
		return nil
	default:
		return refusal.Invalid(map[string]string{"role": fmt.Sprintf("%q is no role: choose owner, manager, member, billing or auditor.", r)})
	}
}

// insertMember gives a person a role, whichever they had, and says whether it is another one.
func insertMember(ctx context.Context, tx pgx.Tx, orgID, personID uuid.UUID, role OrganizationRole) (changed bool, err error) {
	tag, err := tx.Exec(ctx, `
		WITH kept AS (DELETE FROM left_caps WHERE organization_id = $1 AND person_id = $2 RETURNING cap, cap_since)
		INSERT INTO memberships (organization_id, person_id, role, created_at, cap, cap_since)
		VALUES ($1, $2, $3, now(), (SELECT cap FROM kept), (SELECT cap_since FROM kept))
		ON CONFLICT (organization_id, person_id) DO UPDATE SET role = excluded.role
		WHERE memberships.role <> excluded.role`, orgID, personID, role)
	if err != nil {
		return false, fmt.Errorf("add member: %w", err)
	}
	return tag.RowsAffected() > 0, nil
}
