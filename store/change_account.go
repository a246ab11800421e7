package store

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// ChangeName changes what others see a person called. Refusals: "invalid" for name.
func (db *DB) ChangeName(ctx context.Context, personID uuid.UUID, name string) error {
	f := fields{}
	f.length("name", name, 1, 120)
	if err := f.refusal(); err != nil {
		return err
	}
	return db.tx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `UPDATE people SET name = $2 WHERE id = $1`, personID, name); err != nil {
			return fmt.Errorf("change name: %w", err)
		}
		return writeAudit(ctx, tx, auditRow{By: personID, Verb: "change name", Subject: "person", SubjectID: personID})
	})
}

// ChangePassword sets another password and ends the person's other sessions. Refusals: "invalid" by field (current,
// password), "throttled".
func (db *DB) ChangePassword(ctx context.Context, s Session, current, password, address string) error {
	f := fields{}
	checkPassword(f, "password", password, s.Email, s.Name)
	if err := f.refusal(); err != nil {
		return err
	}
	if err := db.proveAgain(ctx, s, "current", current, address); err != nil {
		return err
	}
	hash, err := db.hash(ctx, password)
	if err != nil {
		return err
	}
	return db.tx(ctx, func(tx pgx.Tx) error {
		if err := setPassword(ctx, tx, s.PersonID, s.ID, hash); err != nil {
			return err
		}
		return writeAudit(ctx, tx, auditRow{By: s.PersonID, Verb: "change password", Subject: "person", SubjectID: s.PersonID})
	})
}

// RequestEmail mails a link to a person's new address; until it is opened the old one signs in. An address of someone
// else's account is written that it has one: the caller learns nothing. Refusals: "invalid" by field (email, current),
// "throttled".
func (db *DB) RequestEmail(ctx context.Context, s Session, email, current, address string) error {
	email = normalEmail(email)
	f := fields{}
	checkEmail(f, "email", email)
	f.check(email != s.Email, "email", "This is your address already.")
	if err := f.refusal(); err != nil {
		return err
	}
	if err := db.proveAgain(ctx, s, "current", current, address); err != nil {
		return err
	}
	if _, err := mailings().count(ctx, db, email, throttleAddress(sender(address))); err != nil {
		return err
	}
	return db.tx(ctx, func(tx pgx.Tx) error {
		var known bool
		if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM people WHERE email = $1)`, email).Scan(&known); err != nil {
			return fmt.Errorf("change address: %w", err)
		}
		token, err := insertMailToken(ctx, tx, s.PersonID, "confirm", email, newEmailHours)
		if err != nil {
			return err
		}
		m := outgoing{To: email, Kind: MailConfirmEmail, Data: map[string]string{"name": s.Name, "secret": "/confirm-email?token=" + token}}
		if known {
			m.Kind, m.Data = MailAccountKnown, map[string]string{"path": "/sign-in"}
		}
		return db.queueMail(ctx, tx, m)
	})
}

// EmailByToken finds which new address a link confirms. Refusals: "link".
func (db *DB) EmailByToken(ctx context.Context, token string) (MailLink, error) {
	return readMailToken(ctx, db.pool, token, "confirm", "")
}

// ConfirmEmail makes a new address the one that signs in, writes that to the old one, and ends the person's sessions
// but keep, which is uuid.Nil where somebody else, or nobody, is signed in. Refusals: "link".
func (db *DB) ConfirmEmail(ctx context.Context, token string, keep uuid.UUID) error {
	return db.tx(ctx, func(tx pgx.Tx) error {
		l, err := readMailToken(ctx, tx, token, "confirm", ` FOR NO KEY UPDATE OF t`)
		if err != nil {
			return err
		}
		var old, name string
		if err := tx.QueryRow(ctx, `SELECT email, name FROM people WHERE id = $1 FOR NO KEY UPDATE`, l.PersonID).Scan(&old, &name); err != nil {
			return found(err, "person")
		}
		_, err = tx.Exec(ctx, `UPDATE people SET email = $2, confirmed_at = now() WHERE id = $1`, l.PersonID, l.Email)
		if uniqueViolation(err, "people_email_key") {
			return brokenLink("This address has an account of its own by now.", "Sign in with it, or give another address on your account page.")
		}
		if err != nil {
			return fmt.Errorf("change address: %w", err)
		}
		if _, err := tx.Exec(ctx, `UPDATE mail_tokens SET used_at = now() WHERE token_hash = $1`, hashToken(token)); err != nil {
			return fmt.Errorf("use link: %w", err)
		}
		// A link to the old address must not set the password any more.
		if _, err := tx.Exec(ctx, `DELETE FROM mail_tokens WHERE person_id = $1 AND purpose = 'reset'`, l.PersonID); err != nil {
			return fmt.Errorf("forget links: %w", err)
		}
		if _, err := tx.Exec(ctx, `DELETE FROM sessions WHERE person_id = $1 AND id <> $2`, l.PersonID, keep); err != nil {
			return fmt.Errorf("end sessions: %w", err)
		}
		err = db.queueMail(ctx, tx, outgoing{To: old, Kind: MailEmailChanged, Data: map[string]string{"name": name, "email": l.Email, "path": "/"}})
		if err != nil {
			return err
		}
		return writeAudit(ctx, tx, auditRow{By: l.PersonID, Verb: "change address", Subject: "person", SubjectID: l.PersonID})
	})
}

// FoundOrganization makes an organization whose owner is the person of a session, which works for it from now on.
// Refusals: "invalid" for name, "duplicate" for name, "organizations" (mostFounded in a day).
func (db *DB) FoundOrganization(ctx context.Context, s Session, name string) error {
	return db.tx(ctx, func(tx pgx.Tx) error {
		if err := refuseFounding(ctx, tx, s.PersonID); err != nil {
			return err
		}
		if err := foundOrganization(ctx, tx, s.PersonID, name, "name"); err != nil {
			return err
		}
		_, err := tx.Exec(ctx, `
			UPDATE sessions SET organization_id = (SELECT id FROM organizations WHERE name = $2), provider_id = NULL WHERE id = $1`, s.ID, name)
		if err != nil {
			return fmt.Errorf("work for new organization: %w", err)
		}
		return nil
	})
}
