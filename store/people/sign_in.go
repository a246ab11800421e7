package people

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/provisioner/typed"
	"volary.dev/store"
)

// SignIn makes a session and its token, which is nowhere kept and belongs into a cookie. The session begins at the
// place to which the person has belonged longest: one that is founded, or joined, later does not change where a sign-in leads. Refusals: "sign_in" (unknown e-mail and wrong password alike, and in
// about the same time), "unconfirmed" (the password of a sign-up that waits for its link), "suspended", and "throttled"
// (too many failures of late; device is the token of KnowDevice that the browser sent: what others try does not keep it out).
func (db *DB) SignIn(ctx context.Context, email, password, address, userAgent, device string) (token string, s Session, err error) {
	email = normalEmail(email)
	from := sender(address)
	a, err := signIns().count(ctx, db, trier{email: email, from: from, device: device})
	if err != nil {
		return "", s, err
	}
	if err := a.slow(ctx); err != nil {
		return "", s, err
	}
	personID, err := db.checkPassword(ctx, email, password)
	if err == nil {
		token, s, err = db.enter(ctx, personID, a, from, userAgent)
	}
	if r, refused := refusal.As(err); refused {
		if err := db.failSignIn(ctx, personID, a, failedSignIn{why: r.Code, program: programWords(userAgent), from: from}); err != nil {
			return "", Session{}, err
		}
	}
	return token, s, err
}

// sender reads a network address; an unreadable one counts as one address.
func sender(address string) netip.Addr {
	a, _ := netip.ParseAddr(address)
	return a
}

// enter opens a session for a person who has just shown who they are.
func (db *DB) enter(ctx context.Context, personID uuid.UUID, a attempt, from netip.Addr, userAgent string) (token string, s Session, err error) {
	if token, err = db.openSession(ctx, personID, a, from, userAgent); err != nil {
		return "", s, err
	}
	s, err = db.SessionByToken(ctx, token)
	return token, s, err
}

// checkPassword hashes twice whoever asks: the person's, or nothing, and that of a sign-up that waits, or nothing. Time
// tells nothing, and whether an address has an account does not change what a waiting sign-up of it is told. A refusal comes
// with the person of the address, too, or Nil where there is none.
func (db *DB) checkPassword(ctx context.Context, email, password string) (uuid.UUID, error) {
	refused := &refusal.Error{
		Code: "sign_in", Title: "E-mail address and password do not belong together.", Next: "Check both and try again.",
	}
	var id uuid.UUID
	var phc, waiting string
	err := db.pool.QueryRow(ctx, `SELECT id, password_hash FROM people WHERE email = $1`, email).Scan(&id, &phc)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return uuid.Nil, fmt.Errorf("sign in: %w", err)
	}
	if len([]rune(password)) > mostLetters {
		return id, refused
	}
	if old, ok, err := db.matchesOrNot(ctx, password, phc); err != nil || ok {
		if old && err == nil {
			err = db.hashAnew(ctx, id, password, phc)
		}
		return id, err
	}
	err = db.pool.QueryRow(ctx, `
		SELECT password_hash FROM sign_ups WHERE email = $1 AND completed_at IS NULL AND expires_at > now()
		ORDER BY created_at DESC LIMIT 1`, email).Scan(&waiting)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return uuid.Nil, fmt.Errorf("sign in: %w", err)
	}
	switch _, ok, err := db.matchesOrNot(ctx, password, waiting); {
	case err != nil:
		return uuid.Nil, err
	case ok:
		return id, db.unconfirmed(ctx, email)
	}
	return id, refused
}

// unconfirmed is what whoever signed up is told until the address is confirmed: that the mail with the link was refused, too.
func (db *DB) unconfirmed(ctx context.Context, email string) error {
	r := &refusal.Error{
		Code: "unconfirmed", Title: "Your sign-up waits for you to confirm the address: open the link in the mail we sent there.",
		Next: "If no mail came, have it sent again.",
	}
	m, err := db.refusedTo(ctx, email)
	if err != nil {
		return err
	}
	if m != nil {
		r.Title = fmt.Sprintf("Your sign-up waits for you to confirm the address, and the mail to %s could not be delivered: %s says “%s”.", email, m.Server, m.Words)
		r.Next = "Sign up again with an address that takes mail, or have the mail sent again once it does."
	}
	return r
}

// matchesOrNot is matchesAs, and as slow where there is no hash, however many spellings the password has.
func (db *DB) matchesOrNot(ctx context.Context, password, phc string) (old, ok bool, err error) {
	if phc == "" {
		ofNothing := db.phc(make([]byte, argonSalt), make([]byte, argonKey))
		_, _, err := db.matchesAs(ctx, password, ofNothing)
		return false, false, err
	}
	return db.matchesAs(ctx, password, phc)
}

// hashAnew replaces a hash of another spelling, unless the password was changed meanwhile.
func (db *DB) hashAnew(ctx context.Context, id uuid.UUID, password, phc string) error {
	hash, err := db.hash(ctx, password)
	if err != nil {
		return err
	}
	if _, err := db.pool.Exec(ctx, `UPDATE people SET password_hash = $2 WHERE id = $1 AND password_hash = $3`, id, hash, phc); err != nil {
		return fmt.Errorf("hash password anew: %w", err)
	}
	return nil
}

// openSession also forgets the failures for the person's e-mail, this attempt, and whatever has expired. A suspended
// person gets none: the row is shared, so that a suspension at the same time finds the session.
func (db *DB) openSession(ctx context.Context, personID uuid.UUID, a attempt, from netip.Addr, userAgent string) (string, error) {
	id, err := store.NewID()
	if err != nil {
		return "", err
	}
	token := store.NewToken()
	userAgent = programWords(userAgent)
	ctx = store.WithOrigin(ctx, store.Origin{Session: id, Address: from})
	return token, db.core.Tx(ctx, func(tx pgx.Tx) error {
		if err := refuseSuspendedPerson(ctx, tx, personID); err != nil {
			return err
		}
		if err := a.forgive(ctx, tx); err != nil {
			return err
		}
		if err := db.warnOfPlace(ctx, tx, personID, from, userAgent); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `
			INSERT INTO sessions (id, token_hash, person_id, organization_id, provider_id, user_agent, address, created_at, seen_at, expires_at)
			SELECT $1, $2, $3, first.organization_id, first.provider_id, $4, $5, now(), now(), now() + least(make_interval(hours => $6), $7::interval)
			FROM (SELECT 1) AS always
			LEFT JOIN LATERAL (
				SELECT m.organization_id, NULL::uuid AS provider_id, m.created_at, 1 AS kind, o.name
				FROM memberships m JOIN organizations o ON o.id = m.organization_id WHERE m.person_id = $3
				UNION ALL
				SELECT NULL, s.provider_id, s.created_at, 2, p.name FROM staff s JOIN providers p ON p.id = s.provider_id WHERE s.person_id = $3
				ORDER BY created_at, kind, name LIMIT 1) AS first ON true`,
			id, store.HashToken(token), personID, userAgent, orNoAddress(from), sessionHours, db.core.Idle())
		if err != nil {
			return fmt.Errorf("open session: %w", err)
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: personID, Verb: "sign in", Subject: "session", SubjectID: id, Detail: map[string]any{"program": userAgent}})
	})
}

// programWords is what a browser says of itself, as far as it is kept.
func programWords(userAgent string) string {
	if len(userAgent) > 300 {
		userAgent = userAgent[:300]
	}
	return strings.ToValidUTF8(strings.ReplaceAll(userAgent, "\x00", ""), "?")
}

func refuseSuspendedPerson(ctx context.Context, tx pgx.Tx, personID uuid.UUID) error {
	var since *time.Time
	var reason string
	err := tx.QueryRow(ctx, `SELECT suspended_at, suspended_reason FROM people WHERE id = $1 FOR SHARE`, personID).Scan(&since, &reason)
	if err != nil {
		return store.Found(err, "person")
	}
	if since == nil {
		return nil
	}
	return &refusal.Error{
		Code:  "suspended",
		Title: fmt.Sprintf("Your account has been suspended since %s: %s", since.UTC().Format("2 January 2006 15:04 MST"), typed.Isolate(reason)),
		Next:  "Ask the people who run this Volary to lift the suspension.",
	}
}
