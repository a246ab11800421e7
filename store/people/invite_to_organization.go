package people

import (
	"context"

	"github.com/google/uuid"
)

// InviteToOrganization invites to an organization for 14 days; only owners invite owners. The token of an invitation
// without an address is returned, to be shown once as /invitations/TOKEN; that of one with an address is in the mail
// alone. A member's invitation may carry the cap that they begin with. Refusals: "invalid" by field (email, role, cap), "role", "duplicate" for email (a member, or invited already),
// "invitations" (mostOpenInvitations are open), "suspended", "throttled".
func (db *DB) InviteToOrganization(ctx context.Context, orgID, by uuid.UUID, n NewInvitation) (id uuid.UUID, token string, err error) {
	if err := OrganizationRole(n.Role).check(); err != nil {
		return id, "", err
	}
	if err := n.checkCap(); err != nil {
		return id, "", err
	}
	return db.invite(ctx, Place{OrganizationID: orgID}, by, n)
}
