package people

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// How long links work.
const (
	signUpDays     = 3
	resetHours     = 1
	newEmailHours  = 24
	invitationDays = 14
)

// SignUp is what a sign-up form asks for. The person becomes owner of the organization.
type SignUp struct {
	Email        string
	Name         string
	Organization string
	Password     string // 10 to 200 characters
}

// SignUp keeps a sign-up until the link is opened that is mailed to its address: until then there is no person, and
// whoever signs in with it is told so. Where the address has an account already, the owner is written that, and nothing
// else differs: not the answer, not what follows from it, and not the time. Nor does it where the organization's name is
// taken: that is told to who has shown an address and a password (ConfirmSignUp), who then chooses another one. Refusals:
// "invalid" by field (email, name, organization, password), "throttled".
func (db *DB) SignUp(ctx context.Context, s SignUp, address string) error {
	s.Email = normalEmail(s.Email)
	f := store.Fields{}
	f.Name("organization", &s.Organization, 2, 80)
	s.check(f)
	if err := f.Refusal(); err != nil {
		return err
	}
	return db.keepSignUp(ctx, s, nil, "/sign-in", address)
}

// PasswordFault is a sentence about a password that would be refused, empty where it would be taken: a form tells it beside the
// faults of its other fields.
func (s SignUp) PasswordFault() string {
	f := store.Fields{}
	checkPassword(f, "password", s.Password, normalEmail(s.Email), s.Name)
	return f["password"]
}

// check also writes the name as it is kept.
func (s *SignUp) check(f store.Fields) {
	checkEmail(f, "email", s.Email)
	f.Name("name", &s.Name, 1, 120)
	checkPassword(f, "password", s.Password, s.Email, s.Name)
}

// keepSignUp writes a checked sign-up down and mails its link. instead is the page that whoever has an account
// already is shown the way to.
func (db *DB) keepSignUp(ctx context.Context, s SignUp, invitation *uuid.UUID, instead, address string) error {
	if _, err := mailings().count(ctx, db, trier{email: s.Email, from: sender(address)}); err != nil {
		return err
	}
	hash, err := db.hash(ctx, s.Password)
	if err != nil {
		return err
	}
	id, err := store.NewID()
	if err != nil {
		return err
	}
	token := store.NewToken()
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		_, err := tx.Exec(ctx, `
			INSERT INTO sign_ups (id, email, name, organization_name, invitation_id, password_hash, token_hash, created_at, expires_at)
			VALUES ($1, $2, $3, nullif($4, ''), $5, $6, $7, now(), now() + make_interval(days => $8))`,
			id, s.Email, s.Name, s.Organization, invitation, hash, store.HashToken(token), signUpDays)
		if err != nil {
			return fmt.Errorf("keep sign-up: %w", err)
		}
		return db.mailSignUp(ctx, tx, s.Email, token, instead)
	})
}

// mailSignUp writes to the address of a sign-up: the link, or that there is an account. The link's token is then worth
// nothing: nobody has it.
func (db *DB) mailSignUp(ctx context.Context, tx pgx.Tx, email, token, instead string) error {
	var known bool
	if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM people WHERE email = $1)`, email).Scan(&known); err != nil {
		return fmt.Errorf("mail of sign-up: %w", err)
	}
	m := store.Outgoing{To: email, Kind: store.MailConfirm, Data: map[string]string{"secret": "/confirm?token=" + token}}
	if known {
		m.Kind, m.Data = store.MailAccountKnown, map[string]string{"secret": instead}
	}
	return db.core.QueueMail(ctx, tx, m)
}

// WaitingSignUp is a sign-up whose link was opened.
type WaitingSignUp struct {
	ID               uuid.UUID
	Email            string
	Name             string
	OrganizationName *string    // to be made
	InvitationID     *uuid.UUID // or joined
	PasswordHash     string
	ExpiresAt        time.Time
	CompletedAt      *time.Time
	Known            bool // the address has an account by now
	Expired          bool
}

const selectSignUp = `
	SELECT s.id, s.email, s.name, s.organization_name, s.invitation_id, s.password_hash, s.expires_at, s.completed_at,
		EXISTS (SELECT FROM people p WHERE p.email = s.email) AS known, s.expires_at <= now() AS expired
	FROM sign_ups s WHERE s.token_hash = $1`

// SignUpByToken finds what a link in a mail confirms. Refusals: "link" where it is unknown, used or expired, with the
// next step.
func (db *DB) SignUpByToken(ctx context.Context, token string) (WaitingSignUp, error) {
	return readSignUp(ctx, db.pool, token, "")
}

func readSignUp(ctx context.Context, q store.Queryer, token, lock string) (WaitingSignUp, error) {
	rows, _ := q.Query(ctx, selectSignUp+lock, store.HashToken(token))
	s, err := store.One(rows, "sign-up", pgx.RowToStructByName[WaitingSignUp])
	if isNotFound(err) {
		return s, brokenLink("This link confirms nothing: it is incomplete, or a newer one was sent.", "Open the newest mail, or sign up again.")
	}
	if err != nil {
		return s, err
	}
	switch {
	case s.CompletedAt != nil:
		return s, brokenLink("This link was used already: the address is confirmed.", "Sign in.")
	case s.Known:
		return s, brokenLink("This address has an account already.", "Sign in, or choose a new password if you forgot it.")
	case s.Expired:
		return s, brokenLink(fmt.Sprintf("This link worked for %s, until %s.", refusal.Plural(signUpDays, "day", "days"), s.ExpiresAt.UTC().Format("2 January 2006 15:04 MST")), "Sign up again.")
	}
	return s, nil
}

func isNotFound(err error) bool {
	r, ok := refusal.As(err)
	return ok && r.Code == "not_found"
}

// brokenLink refuses a link of a mail with a sentence and the next step.
func brokenLink(title, next string) *refusal.Error {
	return &refusal.Error{Code: "link", Title: title, Next: next}
}
