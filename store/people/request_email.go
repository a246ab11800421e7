package people

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// RequestEmail mails a link to a person's new address; until it is opened the old one signs in. An address of someone
// else's account is written that it has one: the caller learns nothing. Refusals: "invalid" by field (email, current),
// "throttled".
func (db *DB) RequestEmail(ctx context.Context, s Session, email, current, address string) error {
	email = normalEmail(email)
	f := store.Fields{}
	checkEmail(f, "email", email)
	f.Check(email != s.Email, "email", "This is your address already.")
	if err := f.Refusal(); err != nil {
		return err
	}
	if err := db.repeatPassword(ctx, s, "current", current, address); err != nil {
		return err
	}
	if _, err := mailings().count(ctx, db, trier{email: email, from: sender(address)}); err != nil {
		return err
	}
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		var known bool
		if err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM people WHERE email = $1)`, email).Scan(&known); err != nil {
			return fmt.Errorf("change address: %w", err)
		}
		token, err := insertMailToken(ctx, tx, s.PersonID, "confirm", email, newEmailHours)
		if err != nil {
			return err
		}
		m := store.Outgoing{To: email, Kind: store.MailConfirmEmail, CausedBy: s.PersonID, Data: map[string]string{"name": s.Name, "secret": "/confirm-email?token=" + token}}
		if known {
			m.Kind, m.Data = store.MailAccountKnown, map[string]string{"path": "/sign-in"}
		}
		return db.core.QueueMail(ctx, tx, m)
	})
}
