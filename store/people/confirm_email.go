package people

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// ConfirmEmail makes a new address the one that signs in, writes that to the old one, and ends the person's sessions
// but keep, which is uuid.Nil where somebody else, or nobody, is signed in. Refusals: "link".
func (db *DB) ConfirmEmail(ctx context.Context, token string, keep uuid.UUID) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		l, err := readMailToken(ctx, tx, token, "confirm", ` FOR NO KEY UPDATE OF t`)
		if err != nil {
			return err
		}
		var old, name string
		if err := tx.QueryRow(ctx, `SELECT email, name FROM people WHERE id = $1 FOR NO KEY UPDATE`, l.PersonID).Scan(&old, &name); err != nil {
			return store.Found(err, "person")
		}
		_, err = tx.Exec(ctx, `UPDATE people SET email = $2, confirmed_at = now() WHERE id = $1`, l.PersonID, l.Email)
		if store.UniqueViolation(err, "people_email_key") {
			return brokenLink("This address has an account of its own by now.", "Sign in with it, or give another address on your account page.")
		}
		if err != nil {
			return fmt.Errorf("change address: %w", err)
		}
		if _, err := tx.Exec(ctx, `UPDATE mail_tokens SET used_at = now() WHERE token_hash = $1`, store.HashToken(token)); err != nil {
			return fmt.Errorf("use link: %w", err)
		}
		// A link to the old address must not set the password any more.
		if _, err := tx.Exec(ctx, `DELETE FROM mail_tokens WHERE person_id = $1 AND purpose = 'reset'`, l.PersonID); err != nil {
			return fmt.Errorf("forget links: %w", err)
		}
		if _, err := tx.Exec(ctx, `DELETE FROM sessions WHERE person_id = $1 AND id <> $2`, l.PersonID, keep); err != nil {
			return fmt.Errorf("end sessions: %w", err)
		}
		err = db.core.QueueMail(ctx, tx, store.Outgoing{To: old, Kind: store.MailEmailChanged, Data: map[string]string{"name": name, "email": l.Email, "path": "/"}})
		if err != nil {
			return err
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: l.PersonID, Verb: "change address", Subject: "person", SubjectID: l.PersonID})
	})
}
