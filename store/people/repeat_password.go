package people

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// RepeatPassword takes the password of who is signed in, which makes the session Fresh: freshMinutes long it may do what
// gives lasting power. Refusals: "invalid" for password, "throttled" as by SignIn.
func (db *DB) RepeatPassword(ctx context.Context, s Session, password, address string) error {
	return db.repeatPassword(ctx, s, "password", password, address)
}

// repeatPassword wants the password of who is signed in, before what an unwatched browser must not do. Tries count like
// those to sign in. What succeeds is noted with the session, which is then Fresh for a while.
func (db *DB) repeatPassword(ctx context.Context, s Session, field, password, address string) error {
	a, err := signIns().count(ctx, db, s.Email, throttleAddress(sender(address)))
	if err != nil {
		return err
	}
	wrong := refusal.Invalid(map[string]string{field: "This is not your password."})
	if len([]rune(password)) > mostLetters {
		return wrong
	}
	var phc string
	if err := db.pool.QueryRow(ctx, `SELECT password_hash FROM people WHERE id = $1`, s.PersonID).Scan(&phc); err != nil {
		return store.Found(err, "person")
	}
	ok, err := db.matches(ctx, password, phc)
	if err != nil {
		return err
	}
	if !ok {
		return wrong
	}
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `UPDATE sessions SET fresh_at = now() WHERE id = $1`, s.ID); err != nil {
			return fmt.Errorf("note that the password was given: %w", err)
		}
		return a.forgive(ctx, tx)
	})
}
