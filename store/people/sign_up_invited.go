package people

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// SignUpInvited makes an account for an invited person, who creates no organization. Where the invitation was mailed,
// its link confirms the address, which is the invitation's whatever s says: the person is there, belongs to the place and
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
	f := store.Fields{}
	s.check(f)
	if err := f.Refusal(); err != nil {
		return "", session, err
	}
	if i.Email == nil {
		return "", session, db.keepSignUp(ctx, s, &i.ID, "/invitations/"+link, address)
	}
	from := sender(address)
	a, err := signIns().count(ctx, db, trier{email: s.Email, from: from, link: link})
	if err != nil {
		return "", session, err
	}
	hash, err := db.hash(ctx, s.Password)
	if err != nil {
		return "", session, err
	}
	id, err := store.NewID()
	if err != nil {
		return "", session, err
	}
	if err := db.core.Tx(ctx, func(tx pgx.Tx) error { return db.signUpInvited(ctx, tx, link, id, s, hash) }); err != nil {
		return "", session, err
	}
	return db.enter(ctx, id, a, from, userAgent)
}

func (db *DB) signUpInvited(ctx context.Context, tx pgx.Tx, link string, id uuid.UUID, s SignUp, hash string) error {
	i, err := lockByToken(ctx, tx, link)
	if err != nil {
		return err
	}
	err = insertPerson(ctx, tx, id, NewPerson{Email: s.Email, Name: s.Name}, hash)
	if store.UniqueViolation(err, "people_email_key") {
		return &refusal.Error{
			Code: "known", Title: fmt.Sprintf("There is an account for %s already.", s.Email), Next: "Sign in with it and open this invitation again.",
		}
	}
	if err != nil {
		return err
	}
	if err := store.WriteAudit(ctx, tx, store.AuditRow{By: id, Verb: "sign up", Subject: "person", SubjectID: id}); err != nil {
		return err
	}
	return db.acceptInvitation(ctx, tx, i, id)
}
