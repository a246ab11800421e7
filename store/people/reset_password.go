package people

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// mostLinks is how many links of one kind may wait for a person: whoever asks for one more does not make void what the owner
// of the address is about to open.
const mostLinks = 20

// insertMailToken makes the token of a link that works once, for some hours. Of links to confirm an address the newest alone
// works, for it may name another one.
func insertMailToken(ctx context.Context, tx pgx.Tx, personID uuid.UUID, purpose, email string, hours int) (string, error) {
	keep := 0
	if purpose == "reset" {
		keep = mostLinks - 1
	}
	_, err := tx.Exec(ctx, `
		DELETE FROM mail_tokens WHERE token_hash IN (
			SELECT token_hash FROM mail_tokens WHERE person_id = $1 AND purpose = $2 ORDER BY created_at DESC OFFSET $3)`, personID, purpose, keep)
	if err != nil {
		return "", fmt.Errorf("forget links: %w", err)
	}
	token := store.NewToken()
	_, err = tx.Exec(ctx, `
		INSERT INTO mail_tokens (token_hash, person_id, purpose, email, created_at, expires_at)
		VALUES ($1, $2, $3, $4, now(), now() + make_interval(hours => $5))`, store.HashToken(token), personID, purpose, email, hours)
	if err != nil {
		return "", fmt.Errorf("make link: %w", err)
	}
	return token, nil
}

// MailLink is what a link in a mail to a person opens.
type MailLink struct {
	PersonID  uuid.UUID
	Name      string
	Email     string // to which it went: of a "confirm", the new address
	ExpiresAt time.Time
	UsedAt    *time.Time
	Expired   bool
}

// ResetByToken finds whose password a link sets. Refusals: "link".
func (db *DB) ResetByToken(ctx context.Context, token string) (MailLink, error) {
	return readMailToken(ctx, db.pool, token, "reset", "")
}

func readMailToken(ctx context.Context, q store.Queryer, token, purpose, lock string) (MailLink, error) {
	rows, _ := q.Query(ctx, `
		SELECT t.person_id, p.name, t.email, t.expires_at, t.used_at, t.expires_at <= now() AS expired
		FROM mail_tokens t JOIN people p ON p.id = t.person_id WHERE t.token_hash = $1 AND t.purpose = $2`+lock, store.HashToken(token), purpose)
	l, err := store.One(rows, "link", pgx.RowToStructByName[MailLink])
	again := "Ask for another one."
	if purpose == "confirm" {
		again = "Give the address on your account page again."
	}
	switch {
	case isNotFound(err):
		return l, brokenLink("This link is incomplete, or a newer one was sent.", "Open the newest mail. "+again)
	case err != nil:
		return l, err
	case l.UsedAt != nil:
		return l, brokenLink("This link was used already; it works once.", again)
	case l.Expired:
		return l, brokenLink("This link has expired: it worked until "+l.ExpiresAt.UTC().Format("2 January 2006 15:04 MST")+".", again)
	}
	return l, nil
}

// ResetPassword sets a new password by a mailed link and ends every session of the person; failed sign-ins of strangers are forgiven. Refusals: "link", "invalid"
// for password.
func (db *DB) ResetPassword(ctx context.Context, token, password string) error {
	l, err := db.ResetByToken(ctx, token)
	if err != nil {
		return err
	}
	f := store.Fields{}
	checkPassword(f, "password", password, l.Email, l.Name)
	if err := f.Refusal(); err != nil {
		return err
	}
	hash, err := db.hash(ctx, password)
	if err != nil {
		return err
	}
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		// Locked, so that a link opened twice at once sets one password.
		l, err := readMailToken(ctx, tx, token, "reset", ` FOR NO KEY UPDATE OF t`)
		if err != nil {
			return err
		}
		if _, err := tx.Exec(ctx, `UPDATE mail_tokens SET used_at = now() WHERE token_hash = $1`, store.HashToken(token)); err != nil {
			return fmt.Errorf("use link: %w", err)
		}
		if err := setPassword(ctx, tx, l.PersonID, uuid.Nil, hash); err != nil {
			return err
		}
		if err := forgiveAll(ctx, tx, l.Email); err != nil {
			return err
		}
		if err := db.core.Warn(ctx, tx, []uuid.UUID{l.PersonID}, store.MailPassword, map[string]string{"path": "/reset"}); err != nil {
			return err
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: l.PersonID, Verb: "reset password", Subject: "person", SubjectID: l.PersonID})
	})
}

// setPassword also ends the person's sessions but the one that is kept, and what links wait: whoever knew the old password is out, and
// moves the account to no address of their own by a link that was asked for before.
func setPassword(ctx context.Context, tx pgx.Tx, personID, keep uuid.UUID, hash string) error {
	if _, err := tx.Exec(ctx, `UPDATE people SET password_hash = $2 WHERE id = $1`, personID, hash); err != nil {
		return fmt.Errorf("set password: %w", err)
	}
	if _, err := tx.Exec(ctx, `DELETE FROM sessions WHERE person_id = $1 AND id <> $2`, personID, keep); err != nil {
		return fmt.Errorf("end sessions: %w", err)
	}
	if _, err := tx.Exec(ctx, `DELETE FROM mail_tokens WHERE person_id = $1 AND used_at IS NULL`, personID); err != nil {
		return fmt.Errorf("forget links: %w", err)
	}
	return nil
}
