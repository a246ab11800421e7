package people

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// ConfirmSignUp makes the person of a sign-up, with their organization or into the one that invited them, and signs
// them in. The link confirms the address, and the password that whoever opens it is who signed up: nobody makes an account
// for someone else's address with a password of their own. organization replaces the name of the organization where it
// is taken; empty keeps it. Refusals: "link", "invalid" for password and organization, "duplicate" for
// organization, "throttled".
func (db *DB) ConfirmSignUp(ctx context.Context, token, password, organization, address, userAgent string) (string, Session, error) {
	s, err := db.SignUpByToken(ctx, token)
	if err != nil {
		return "", Session{}, err
	}
	from := sender(address)
	a, err := signIns().count(ctx, db, trier{email: s.Email, from: from, link: token})
	if err != nil {
		return "", Session{}, err
	}
	ok := false
	if len([]rune(password)) <= mostLetters {
		if ok, err = db.matches(ctx, password, s.PasswordHash); err != nil {
			return "", Session{}, err
		}
	}
	if !ok {
		return "", Session{}, refusal.Invalid(map[string]string{
			"password": "This is not the password that was chosen at the sign-up. Whoever forgot it signs up again.",
		})
	}
	id, err := store.NewID()
	if err != nil {
		return "", Session{}, err
	}
	err = db.core.Tx(ctx, func(tx pgx.Tx) error { return db.confirmSignUp(ctx, tx, token, id, organization) })
	if err != nil {
		return "", Session{}, err
	}
	return db.enter(ctx, id, a, from, userAgent)
}

func (db *DB) confirmSignUp(ctx context.Context, tx pgx.Tx, token string, id uuid.UUID, organization string) error {
	// Locked, so that a link opened twice at once makes one person.
	s, err := readSignUp(ctx, tx, token, ` FOR NO KEY UPDATE OF s`)
	if err != nil {
		return err
	}
	err = insertPerson(ctx, tx, id, NewPerson{Email: s.Email, Name: s.Name}, s.PasswordHash)
	if store.UniqueViolation(err, "people_email_key") {
		return brokenLink("This address has an account already.", "Sign in, or choose a new password if you forgot it.")
	}
	if err != nil {
		return err
	}
	if _, err := tx.Exec(ctx, `UPDATE sign_ups SET completed_at = now() WHERE id = $1`, s.ID); err != nil {
		return fmt.Errorf("complete sign-up: %w", err)
	}
	if err := store.WriteAudit(ctx, tx, store.AuditRow{By: id, Verb: "sign up", Subject: "person", SubjectID: id}); err != nil {
		return err
	}
	if s.InvitationID != nil {
		i, err := lockInvitation(ctx, tx, *s.InvitationID)
		if err != nil {
			return err
		}
		return db.acceptInvitation(ctx, tx, i, id)
	}
	if organization == "" && s.OrganizationName != nil {
		organization = *s.OrganizationName
	}
	_, err = foundOrganization(ctx, tx, id, organization, "organization")
	return err
}

// foundOrganization makes an organization and a person its owner.
func foundOrganization(ctx context.Context, tx pgx.Tx, personID uuid.UUID, name, field string) (uuid.UUID, error) {
	f := store.Fields{}
	f.Name(field, &name, 2, 80)
	if err := f.Refusal(); err != nil {
		return uuid.Nil, err
	}
	id, err := store.NewID()
	if err != nil {
		return uuid.Nil, err
	}
	if err := insertOrganization(ctx, tx, personID, id, name, field); err != nil {
		return uuid.Nil, err
	}
	_, err = insertMember(ctx, tx, id, personID, RoleOwner)
	return id, err
}
