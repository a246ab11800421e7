package people

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// ResendConfirmation mails the link of the last sign-up with an address anew; the old link is worth nothing then. An
// address with an account, or with nothing, is written that instead: the caller learns nothing. Refusals: "invalid" for
// email, "throttled".
func (db *DB) ResendConfirmation(ctx context.Context, email, address string) error {
	email = normalEmail(email)
	f := store.Fields{}
	checkEmail(f, "email", email)
	if err := f.Refusal(); err != nil {
		return err
	}
	if _, err := mailings().count(ctx, db, trier{email: email, from: sender(address)}); err != nil {
		return err
	}
	token := store.NewToken()
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `
			UPDATE sign_ups SET token_hash = $2, expires_at = now() + make_interval(days => $3)
			WHERE id = (SELECT id FROM sign_ups WHERE email = $1 AND completed_at IS NULL ORDER BY created_at DESC LIMIT 1)`,
			email, store.HashToken(token), signUpDays)
		if err != nil {
			return fmt.Errorf("renew sign-up: %w", err)
		}
		if tag.RowsAffected() > 0 {
			return db.mailSignUp(ctx, tx, email, token, "/sign-in")
		}
		var known bool
		if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM people WHERE email = $1)`, email).Scan(&known); err != nil {
			return fmt.Errorf("renew sign-up: %w", err)
		}
		if known {
			return db.core.QueueMail(ctx, tx, store.Outgoing{To: email, Kind: store.MailAccountKnown, Data: map[string]string{"path": "/sign-in"}})
		}
		return db.core.QueueMail(ctx, tx, store.Outgoing{To: email, Kind: store.MailNoAccount, Data: map[string]string{"path": "/sign-up"}})
	})
}
