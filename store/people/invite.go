package people

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// mostOpenInvitations is how many invitations to one place may be open at a time.
const mostOpenInvitations = 50

// NewInvitation is what a form of invitation asks for.
type NewInvitation struct {
	Email string // to whom the link is mailed; empty: the link is for whoever has it
	Role  string
	Cap   *billing.Hours // that a member begins with; nil: none
}

func (db *DB) invite(ctx context.Context, at Place, by uuid.UUID, n NewInvitation) (id uuid.UUID, token string, err error) {
	n.Email = normalEmail(n.Email)
	if n.Email != "" {
		f := store.Fields{}
		checkEmail(f, "email", n.Email)
		if err := f.Refusal(); err != nil {
			return id, "", err
		}
	}
	if err := at.throttle(ctx, db, n.Email); err != nil {
		return id, "", err
	}
	if id, err = store.NewID(); err != nil {
		return id, "", err
	}
	token = store.NewToken()
	err = db.core.Tx(ctx, func(tx pgx.Tx) error {
		if err := at.refuse(ctx, tx, by, n); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `
			INSERT INTO invitations (id, organization_id, provider_id, email, role, token_hash, invited_by, created_at, expires_at, cap)
			VALUES ($1, $2, $3, nullif($4, ''), $5, $6, $7, now(), now() + make_interval(days => $8), $9)`,
			id, store.OrNull(at.OrganizationID), store.OrNull(at.ProviderID), n.Email, n.Role, store.HashToken(token), by, invitationDays, n.Cap)
		if err != nil {
			return fmt.Errorf("invite: %w", err)
		}
		if err := db.mailInvitation(ctx, tx, id, by, token); err != nil {
			return err
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{
			By: by, Organization: at.OrganizationID, Provider: at.ProviderID, Verb: "invite", Subject: "invitation", SubjectID: id,
			Detail: n.detail(),
		})
	})
	if n.Email != "" {
		token = "" // it belongs to the owner of the address alone
	}
	return id, token, err
}

// detail is what the log keeps.
func (n NewInvitation) detail() map[string]any {
	d := map[string]any{"role": n.Role, "email": n.Email}
	if n.Cap != nil {
		d["cap"] = *n.Cap
	}
	return d
}

// checkCap refuses a cap of who would have none, and one out of bounds.
func (n NewInvitation) checkCap() error {
	f := store.Fields{}
	if n.Cap != nil {
		f.Check(n.Role == string(RoleMember), "cap", "Only members have a cap: leave it empty for another role.")
		f.Check(*n.Cap >= 0 && *n.Cap <= billing.MaxHours, "cap", "Write 0 to %s compute hours, or nothing for no cap.", billing.MaxHours)
	}
	return f.Refusal()
}

// throttle counts what a place has us write.
func (at Place) throttle(ctx context.Context, db *DB, email string) error {
	t, place := invitings(), at.OrganizationID.String()+at.ProviderID.String()
	bounds := []bound{{t.prefix + "place:" + place, t.address}}
	if email != "" {
		bounds = append(bounds, bound{t.prefix + "email:" + email + " from " + place, t.own}, bound{t.prefix + "email:" + email, t.account})
	}
	_, err := t.countAt(ctx, db, where{bounds: bounds})
	return err
}

// refuse says why nobody, or not this one, may be invited. The place is locked, so that two invitations at once are
// counted one after the other.
func (at Place) refuse(ctx context.Context, tx pgx.Tx, by uuid.UUID, n NewInvitation) error {
	if err := at.lock(ctx, tx); err != nil {
		return err
	}
	if err := at.refuseSuspended(ctx, tx); err != nil {
		return err
	}
	var open int
	var there, invited, owns bool
	err := tx.QueryRow(ctx, `
		SELECT count(*)::int, coalesce(bool_or(email = $3 AND expires_at > now()), false),
			EXISTS (SELECT FROM people p LEFT JOIN memberships m ON m.person_id = p.id AND m.organization_id = $1
				LEFT JOIN staff s ON s.person_id = p.id AND s.provider_id = $2
				WHERE p.email = $3 AND (m.role IS NOT NULL OR s.role IS NOT NULL)),
			EXISTS (SELECT FROM memberships WHERE organization_id = $1 AND person_id = $4 AND role = 'owner')
		FROM invitations WHERE (organization_id = $1 OR provider_id = $2) AND accepted_at IS NULL AND revoked_at IS NULL`,
		store.OrNull(at.OrganizationID), store.OrNull(at.ProviderID), n.Email, by).Scan(&open, &invited, &there, &owns)
	if err != nil {
		return fmt.Errorf("read invitations: %w", err)
	}
	switch {
	case at.OrganizationID != uuid.Nil && n.Role == string(RoleOwner) && !owns:
		return mayNotInvite()
	case there:
		return refusedEmail(n.Email+" belongs to it already.", "Change the role there instead.")
	case n.Email != "" && invited:
		return refusedEmail(n.Email+" is invited already.", "Send that invitation again, or take it back first.")
	case open >= mostOpenInvitations:
		return &refusal.Error{
			Code: "invitations", Title: fmt.Sprintf("%d invitations are open, which is the most.", open), Next: "Take back those that nobody will accept.",
		}
	}
	return nil
}

func mayNotInvite() *refusal.Error {
	return &refusal.Error{
		Code: "role", Title: "Only an owner invites an owner.", Next: "Ask an owner, or choose another role.",
		Fields: map[string]string{"role": "Only an owner invites an owner."},
	}
}

func refusedEmail(title, next string) *refusal.Error {
	return &refusal.Error{Code: "duplicate", Title: title, Next: next, Fields: map[string]string{"email": title}}
}

func (db *DB) mailInvitation(ctx context.Context, tx pgx.Tx, id, by uuid.UUID, token string) error {
	rows, _ := tx.Query(ctx, selectInvitation+` WHERE i.id = $1`, id)
	i, err := store.One(rows, "invitation", pgx.RowToStructByName[Invitation])
	if err != nil || i.Email == nil {
		return err
	}
	var name string
	if err := tx.QueryRow(ctx, `SELECT name FROM people WHERE id = $1`, by).Scan(&name); err != nil {
		return store.Found(err, "person")
	}
	return db.core.QueueMail(ctx, tx, store.Outgoing{To: *i.Email, Kind: store.MailInvitation, CausedBy: by, Invitation: id, Data: map[string]string{
		"by": name, "place": i.Place, "role": i.Role, "until": i.ExpiresAt.UTC().Format("2 January 2006"), "secret": "/invitations/" + token,
	}})
}
