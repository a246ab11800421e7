package store

import (
	"context"

	"github.com/google/uuid"
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

// CreateOrganization adds an organization. A taken name is the refusal "duplicate".
func (db *DB) CreateOrganization(ctx context.Context, by uuid.UUID, name string) (uuid.UUID, error) {
	return uuid.Nil, errUnwritten
}

// OrganizationByName finds an organization for the operator's commands.
func (db *DB) OrganizationByName(ctx context.Context, name string) (uuid.UUID, error) {
	return uuid.Nil, errUnwritten
}

// AddMember makes a person a member, or changes the role of one.
func (db *DB) AddMember(ctx context.Context, by, orgID, personID uuid.UUID, role OrganizationRole) error {
	return errUnwritten
}
