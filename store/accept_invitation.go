package store

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
)

// AcceptInvitation makes the person of a session a member or one of the staff, and lets the session work there.
// Refusals: "link", "not_yours" where the invitation is for another address, "member".
func (db *DB) AcceptInvitation(ctx context.Context, token string, s Session) (Invitation, error) {
	var i Invitation
	return i, db.tx(ctx, func(tx pgx.Tx) (err error) {
		if i, err = lockByToken(ctx, tx, token); err != nil {
			return err
		}
		if err := i.RefuseOther(s.Email); err != nil {
			return err
		}
		if err := i.accept(ctx, tx, s.PersonID); err != nil {
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
	rows, _ := tx.Query(ctx, selectInvitation+` WHERE i.token_hash = $1 FOR NO KEY UPDATE OF i`, hashToken(token))
	return openInvitation(rows)
}

// RefuseOther refuses ("not_yours") whoever signed in with another address than the one that was invited.
func (i Invitation) RefuseOther(email string) error {
	if i.Email == nil || *i.Email == email {
		return nil
	}
	return &provisioner.Refusal{
		Code: "not_yours", Title: fmt.Sprintf("This invitation is for %s, and you are signed in as %s.", *i.Email, email),
		Next: fmt.Sprintf("Sign out and open the link again, or ask %s to invite %s.", i.InvitedBy, email),
	}
}

// SignUpInvited makes an account for an invited person, who creates no organization. Where the invitation was mailed,
// its link proves the address, which is the invitation's whatever s says: the person is there, belongs to the place and
// is signed in. By a link for whoever has it, the sign-up waits for the link that is mailed to its address (token is
// then empty), like SignUp. Refusals: "link", "invalid" by field (email, name, password), "known" where the invited
// address has an account, "throttled".
func (db *DB) SignUpInvited(ctx context.Context, link string, s SignUp, address, userAgent string) (token string, session Session, err error) {
	i, err := db.InvitationByToken(ctx, link)
	if err != nil {
		return "", session, err
	}
	s.Organization = ""
	if i.Email != nil {
		s.Email = *i.Email
	}
	s.Email = normalEmail(s.Email)
	f := fields{}
	s.check(f)
	if err := f.refusal(); err != nil {
		return "", session, err
	}
	if i.Email == nil {
		return "", session, db.keepSignUp(ctx, s, &i.ID, "/invitations/"+link, address)
	}
	from := sender(address)
	a, err := signIns().count(ctx, db, s.Email, throttleAddress(from))
	if err != nil {
		return "", session, err
	}
	hash, err := db.hash(ctx, s.Password)
	if err != nil {
		return "", session, err
	}
	id, err := newID()
	if err != nil {
		return "", session, err
	}
	if err := db.tx(ctx, func(tx pgx.Tx) error { return signUpInvited(ctx, tx, link, id, s, hash) }); err != nil {
		return "", session, err
	}
	return db.enter(ctx, id, a, from, userAgent)
}

func signUpInvited(ctx context.Context, tx pgx.Tx, link string, id uuid.UUID, s SignUp, hash string) error {
	i, err := lockByToken(ctx, tx, link)
	if err != nil {
		return err
	}
	err = insertPerson(ctx, tx, id, NewPerson{Email: s.Email, Name: s.Name}, hash)
	if uniqueViolation(err, "people_email_key") {
		return &provisioner.Refusal{
			Code: "known", Title: fmt.Sprintf("There is an account for %s already.", s.Email), Next: "Sign in with it and open this invitation again.",
		}
	}
	if err != nil {
		return err
	}
	if err := writeAudit(ctx, tx, auditRow{By: id, Verb: "sign up", Subject: "person", SubjectID: id}); err != nil {
		return err
	}
	return i.accept(ctx, tx, id)
}
