package people

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// RequestReset mails a link by which the owner of an address chooses a new password. An address without an account is
// written that instead: the caller learns nothing, not by the answer and not by the time. Refusals: "invalid" for email,
// "throttled".
func (db *DB) RequestReset(ctx context.Context, email, address string) error {
	email = normalEmail(email)
	f := store.Fields{}
	checkEmail(f, "email", email)
	if err := f.Refusal(); err != nil {
		return err
	}
	if _, err := mailings().count(ctx, db, trier{email: email, from: sender(address)}); err != nil {
		return err
	}
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		var id uuid.UUID
		var name string
		err := tx.QueryRow(ctx, `SELECT id, name FROM people WHERE email = $1`, email).Scan(&id, &name)
		if errors.Is(err, pgx.ErrNoRows) {
			return db.core.QueueMail(ctx, tx, store.Outgoing{To: email, Kind: store.MailNoAccount, Data: map[string]string{"path": "/sign-up"}})
		}
		if err != nil {
			return fmt.Errorf("request new password: %w", err)
		}
		token, err := insertMailToken(ctx, tx, id, "reset", email, resetHours)
		if err != nil {
			return err
		}
		return db.core.QueueMail(ctx, tx, store.Outgoing{To: email, Kind: store.MailReset, Data: map[string]string{"name": name, "secret": "/reset/choose?token=" + token}})
	})
}
