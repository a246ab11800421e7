package people

import (
	"context"

	"github.com/google/uuid"
)

// InviteToProvider invites to a provider's staff, in all else like InviteToOrganization.
func (db *DB) InviteToProvider(ctx context.Context, providerID, by uuid.UUID, n NewInvitation) (id uuid.UUID, token string, err error) {
	if err := StaffRole(n.Role).check(); err != nil {
		return id, "", err
	}
	return db.invite(ctx, Place{ProviderID: providerID}, by, n)
}
