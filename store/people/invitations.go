package people

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
)

// Place is what people are invited to: an organization or a provider; the other id is uuid.Nil.
type Place struct{ OrganizationID, ProviderID uuid.UUID }

// Invitation is an open or ended invitation.
type Invitation struct {
	ID             uuid.UUID
	OrganizationID *uuid.UUID
	ProviderID     *uuid.UUID
	Place          string  // name of the organization or provider
	Email          *string // nil: for whoever has the link
	Role           string
	Cap            *billing.Hours // that a member begins with
	InvitedBy      string
	CreatedAt      time.Time
	ExpiresAt      time.Time
	AcceptedAt     *time.Time
	RevokedAt      *time.Time
	Expired        bool   // by time, or Lapsed
	Lapsed         bool   // who made or renewed it may not invite any more
	RefusedBy      string // the mail server that refused its last mail for good; empty: none did
	Refused        string // its words, which may say anything
}

// inviterMay tells of an invitation i whether p, who made or renewed it, still may: a right that ended is not gone on with by a link
// that was made before.
const inviterMay = `(p.suspended_at IS NULL AND (
	EXISTS (SELECT FROM memberships b WHERE b.organization_id = i.organization_id AND b.person_id = p.id AND (b.role = 'owner' OR b.role = 'manager' AND i.role <> 'owner'))
	OR EXISTS (SELECT FROM staff b WHERE b.provider_id = i.provider_id AND b.person_id = p.id AND b.role = 'admin')))`

const selectInvitation = `
	SELECT i.id, i.organization_id, i.provider_id, coalesce(o.name, pr.name) AS place, i.email, i.role, i.cap, p.name AS invited_by,
		i.created_at, i.expires_at, i.accepted_at, i.revoked_at, i.expires_at <= now() OR NOT ` + inviterMay + ` AS expired, NOT ` + inviterMay + ` AS lapsed,
		coalesce(ml.refused_by, '') AS refused_by, coalesce(ml.refused, '') AS refused
	FROM invitations i JOIN people p ON p.id = i.invited_by
	LEFT JOIN LATERAL (SELECT CASE state WHEN 'refused' THEN refused_by END AS refused_by, CASE state WHEN 'refused' THEN refused END AS refused
		FROM mails WHERE invitation_id = i.id ORDER BY created_at DESC, id DESC LIMIT 1) AS ml ON true
	LEFT JOIN organizations o ON o.id = i.organization_id LEFT JOIN providers pr ON pr.id = i.provider_id`

// InvitationFilter narrows and orders a list of invitations. Sorting keys: for, as, by, made, until.
type InvitationFilter struct {
	Text  string // part of the address, or of the name of who invited
	Role  string
	State string // works or expired; empty: both
	store.Sorting
	store.Page
}

var invitationColumns = store.Sortable{"for": "i.email", "as": "i.role", "by": "p.name", "made": "i.created_at", "until": "i.expires_at"}

const openInvitations = ` WHERE (i.organization_id = $1 OR i.provider_id = $2) AND i.accepted_at IS NULL AND i.revoked_at IS NULL`

// Invitations lists the open invitations to a place, expired ones too, the newest first where the filter says nothing
// else, and how many the filter leaves.
func (db *DB) Invitations(ctx context.Context, at Place, f InvitationFilter) (list []Invitation, total int, err error) {
	const narrowed = openInvitations + ` AND (i.email ILIKE $3 OR p.name ILIKE $3) AND ($4 = '' OR i.role = $4)
		AND ($5 = '' OR $5 = CASE WHEN i.expires_at <= now() OR NOT ` + inviterMay + ` THEN 'expired' ELSE 'works' END)`
	args := []any{store.OrNull(at.OrganizationID), store.OrNull(at.ProviderID), store.Like(f.Text), f.Role, f.State}
	total, err = db.core.Count(ctx, `SELECT count(*) FROM invitations i JOIN people p ON p.id = i.invited_by`+narrowed, args...)
	if err != nil {
		return nil, 0, err
	}
	rows, _ := db.pool.Query(ctx, selectInvitation+narrowed+
		invitationColumns.OrderBy(f.Sorting, "i.created_at DESC, i.id")+` LIMIT $6 OFFSET $7`, append(args, f.Most(), f.Skip())...)
	list, err = store.All(rows, "invitations", pgx.RowToStructByName[Invitation])
	return list, total, err
}

// CountInvitations is how many invitations to a place are open, expired ones too.
func (db *DB) CountInvitations(ctx context.Context, at Place) (int, error) {
	return db.core.Count(ctx, `SELECT count(*) FROM invitations i`+openInvitations, store.OrNull(at.OrganizationID), store.OrNull(at.ProviderID))
}

// InvitationByToken finds the invitation of a link. Refusals: "link" where it is unknown, used, revoked or expired, with
// whom to ask.
func (db *DB) InvitationByToken(ctx context.Context, token string) (Invitation, error) {
	rows, _ := db.pool.Query(ctx, selectInvitation+` WHERE i.token_hash = $1`, store.HashToken(token))
	return openInvitation(rows)
}

// lockInvitation makes two who accept at once queue.
func lockInvitation(ctx context.Context, tx pgx.Tx, id uuid.UUID) (Invitation, error) {
	rows, _ := tx.Query(ctx, selectInvitation+` WHERE i.id = $1 FOR NO KEY UPDATE OF i`, id)
	return openInvitation(rows)
}

func openInvitation(rows pgx.Rows) (Invitation, error) {
	i, err := store.One(rows, "invitation", pgx.RowToStructByName[Invitation])
	if isNotFound(err) {
		return i, brokenLink("This link invites to nothing: it is incomplete, or a newer one was made.", "Ask whoever invited you for another one.")
	}
	if err != nil {
		return i, err
	}
	ask := fmt.Sprintf("Ask %s for another one.", i.InvitedBy)
	switch {
	case i.AcceptedAt != nil:
		return i, brokenLink(fmt.Sprintf("This invitation to %s was accepted already; it works once.", typed.Isolate(i.Place)), "If that was you, sign in. Otherwise: "+ask)
	case i.RevokedAt != nil:
		return i, brokenLink(fmt.Sprintf("This invitation to %s was taken back.", typed.Isolate(i.Place)), ask)
	case i.Lapsed:
		return i, lapsedLink(i)
	case i.Expired:
		return i, brokenLink(fmt.Sprintf("This invitation to %s worked for %s, until %s.", typed.Isolate(i.Place), refusal.Plural(invitationDays, "day", "days"), i.ExpiresAt.UTC().Format("2 January 2006 15:04 MST")), ask)
	}
	return i, nil
}

func lapsedLink(i Invitation) error {
	return brokenLink(fmt.Sprintf("This invitation to %s ended: who made it does not invite there any more.", typed.Isolate(i.Place)), "Ask somebody else who belongs to it for another one.")
}

func (i Invitation) at() (at Place) {
	if i.OrganizationID != nil {
		at.OrganizationID = *i.OrganizationID
	}
	if i.ProviderID != nil {
		at.ProviderID = *i.ProviderID
	}
	return at
}

// lock makes what changes a place's people queue.
func (at Place) lock(ctx context.Context, tx pgx.Tx) error {
	if at.OrganizationID != uuid.Nil {
		return lockOrganization(ctx, tx, at.OrganizationID)
	}
	var id uuid.UUID
	err := tx.QueryRow(ctx, `SELECT id FROM providers WHERE id = $1 FOR NO KEY UPDATE`, at.ProviderID).Scan(&id)
	return store.Found(err, "provider")
}

// RefuseSuspended refuses for a suspended organization or provider.
func (at Place) refuseSuspended(ctx context.Context, tx pgx.Tx) error {
	if at.OrganizationID != uuid.Nil {
		return RefuseSuspended(ctx, tx, at.OrganizationID)
	}
	return RefuseSuspendedProvider(ctx, tx, at.ProviderID)
}

// shareInviter has who takes the inviter's role away wait for the acceptance, or the acceptance for them.
func (i Invitation) shareInviter(ctx context.Context, tx pgx.Tx) error {
	batch := &pgx.Batch{}
	batch.Queue(`SELECT FROM memberships WHERE organization_id = $1 AND person_id = (SELECT invited_by FROM invitations WHERE id = $2) FOR SHARE`, i.OrganizationID, i.ID)
	batch.Queue(`SELECT FROM staff WHERE provider_id = $1 AND person_id = (SELECT invited_by FROM invitations WHERE id = $2) FOR SHARE`, i.ProviderID, i.ID)
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("lock the role of who invited: %w", err)
	}
	return nil
}

// setCap gives a member the cap of the invitation, which counts from now; without one theirs stays as it was kept.
func (i Invitation) setCap(ctx context.Context, tx pgx.Tx, orgID, personID uuid.UUID) error {
	if i.Cap == nil {
		return nil
	}
	_, err := tx.Exec(ctx, `UPDATE memberships SET cap = $3, cap_since = now() WHERE organization_id = $1 AND person_id = $2`, orgID, personID, *i.Cap)
	if err != nil {
		return fmt.Errorf("set cap: %w", err)
	}
	return nil
}

// accept makes a person a member or one of the staff, by a locked invitation. Refusals: "member" where they are one
// already: the invitation then stays open.
func (db *DB) acceptInvitation(ctx context.Context, tx pgx.Tx, i Invitation, personID uuid.UUID) error {
	// Two invitations accepted at once are accepted one after the other.
	if err := i.at().lock(ctx, tx); err != nil {
		return err
	}
	if err := i.shareInviter(ctx, tx); err != nil {
		return err
	}
	var already, lapsed bool
	err := tx.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM memberships WHERE organization_id = $1 AND person_id = $3) OR EXISTS (SELECT FROM staff WHERE provider_id = $2 AND person_id = $3),
			(SELECT NOT `+inviterMay+` FROM invitations i JOIN people p ON p.id = i.invited_by WHERE i.id = $4)`,
		i.OrganizationID, i.ProviderID, personID, i.ID).Scan(&already, &lapsed)
	if err != nil {
		return fmt.Errorf("accept invitation: %w", err)
	}
	if lapsed {
		return lapsedLink(i)
	}
	if already {
		return &refusal.Error{Code: "member", Title: fmt.Sprintf("You belong to %s already.", typed.Isolate(i.Place)), Next: "Nothing is to be done: your role stays as it is."}
	}
	a := store.AuditRow{By: personID, Verb: "accept invitation", Subject: "person", SubjectID: personID, Detail: map[string]any{"role": i.Role}}
	if i.Cap != nil {
		a.Detail["cap"] = *i.Cap
	}
	if i.OrganizationID != nil {
		a.Organization = *i.OrganizationID
		if _, err = insertMember(ctx, tx, a.Organization, personID, OrganizationRole(i.Role)); err == nil {
			err = i.setCap(ctx, tx, a.Organization, personID)
		}
	} else {
		a.Provider = *i.ProviderID
		_, err = insertStaff(ctx, tx, a.Provider, personID, StaffRole(i.Role))
	}
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE invitations SET accepted_at = now(), accepted_by = $2 WHERE id = $1`, i.ID, personID); err != nil {
		return fmt.Errorf("accept invitation: %w", err)
	}
	if err := db.warnOfRole(ctx, tx, i.at(), personID, personID, i.Role); err != nil {
		return err
	}
	return store.WriteAudit(ctx, tx, a)
}
