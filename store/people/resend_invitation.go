package people

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// ResendInvitation gives an open invitation a new link and 14 days more, in the name of who renews it; the old link is worth nothing then. The token
// is returned as by InviteToOrganization. Refusals: "role" where a manager would renew an owner's, "suspended",
// "throttled", NotFound("invitation").
func (db *DB) ResendInvitation(ctx context.Context, at Place, by, id uuid.UUID) (token string, err error) {
	var email, role string
	err = db.pool.QueryRow(ctx, `
		SELECT coalesce(email, ''), role FROM invitations
		WHERE id = $1 AND (organization_id = $2 OR provider_id = $3) AND accepted_at IS NULL AND revoked_at IS NULL`,
		id, store.OrNull(at.OrganizationID), store.OrNull(at.ProviderID)).Scan(&email, &role)
	if err != nil {
		return "", store.Found(err, "invitation")
	}
	if err := at.throttle(ctx, db, email); err != nil {
		return "", err
	}
	token = store.NewToken()
	err = db.core.Tx(ctx, func(tx pgx.Tx) error {
		if err := at.refuseSuspended(ctx, tx); err != nil {
			return err
		}
		if at.OrganizationID != uuid.Nil {
			if err := refuseOwnersLink(ctx, tx, at.OrganizationID, by, role); err != nil {
				return err
			}
		}
		var until time.Time
		err := tx.QueryRow(ctx, `
			UPDATE invitations SET token_hash = $4, expires_at = now() + make_interval(days => $5), invited_by = $6
			WHERE id = $1 AND (organization_id = $2 OR provider_id = $3) AND accepted_at IS NULL AND revoked_at IS NULL RETURNING expires_at`,
			id, store.OrNull(at.OrganizationID), store.OrNull(at.ProviderID), store.HashToken(token), invitationDays, by).Scan(&until)
		if err != nil {
			return store.Found(err, "invitation")
		}
		if err := db.mailInvitation(ctx, tx, id, by, token); err != nil {
			return err
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{
			By: by, Organization: at.OrganizationID, Provider: at.ProviderID, Verb: "renew invitation", Subject: "invitation", SubjectID: id,
		})
	})
	if email != "" {
		token = ""
	}
	return token, err
}

// refuseOwnersLink keeps a manager from getting the link of an owner's invitation.
func refuseOwnersLink(ctx context.Context, tx pgx.Tx, orgID, by uuid.UUID, role string) error {
	if role != string(RoleOwner) {
		return nil
	}
	var owns bool
	err := tx.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM memberships WHERE organization_id = $1 AND person_id = $2 AND role = 'owner')`, orgID, by).Scan(&owns)
	if err != nil {
		return fmt.Errorf("read role: %w", err)
	}
	if !owns {
		return mayNotInvite()
	}
	return nil
}
