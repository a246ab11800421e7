package people

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
)

// AcceptInvitation makes the person of a session a member or one of the staff, and lets the session work there.
// Refusals: "link", "not_yours" where the invitation is for another address, "member".
func (db *DB) AcceptInvitation(ctx context.Context, token string, s Session) (Invitation, error) {
	var i Invitation
	return i, db.core.Tx(ctx, func(tx pgx.Tx) (err error) {
		if i, err = lockByToken(ctx, tx, token); err != nil {
			return err
		}
		if err := i.RefuseOther(s.Email); err != nil {
			return err
		}
		if err := db.acceptInvitation(ctx, tx, i, s.PersonID); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `UPDATE sessions SET organization_id = $2, provider_id = $3 WHERE id = $1`, s.ID, i.OrganizationID, i.ProviderID)
		if err != nil {
			return fmt.Errorf("accept invitation: %w", err)
		}
		return nil
	})
}

func lockByToken(ctx context.Context, tx pgx.Tx, token string) (Invitation, error) {
	rows, _ := tx.Query(ctx, selectInvitation+` WHERE i.token_hash = $1 FOR NO KEY UPDATE OF i`, store.HashToken(token))
	return openInvitation(rows)
}

// RefuseOther refuses ("not_yours") whoever signed in with another address than the one that was invited.
func (i Invitation) RefuseOther(email string) error {
	if i.Email == nil || *i.Email == email {
		return nil
	}
	return &refusal.Error{
		Code: "not_yours", Title: fmt.Sprintf("This invitation is for %s, and you are signed in as %s.", *i.Email, email),
		Next: fmt.Sprintf("Sign out and open the link again, or ask %s to invite %s.", typed.Isolate(i.InvitedBy), email),
	}
}
