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

// repeatPassword wants the password of who is signed in, before what an unwatched browser must not do. Tries count by
// the session: what strangers try elsewhere does not keep its owner from it. What succeeds is noted with the session, which is then Fresh for a while.
func (db *DB) repeatPassword(ctx context.Context, s Session, field, password, address string) error {
	ctx = store.Aside(ctx)
	a, err := signIns().count(ctx, db, trier{session: s.ID})
	if err != nil {
		return err
	}
	wrong := refusal.Invalid(map[string]string{field: "This is not your password."})
	if len([]rune(password)) > mostLetters {
		return wrong
	}
	var phc, program string
	err = db.pool.QueryRow(ctx, `
		SELECT p.password_hash, coalesce(s.user_agent, '') FROM people p LEFT JOIN sessions s ON s.person_id = p.id AND s.id = $2 WHERE p.id = $1`, s.PersonID, s.ID).Scan(&phc, &program)
	if err != nil {
		return store.Found(err, "person")
	}
	ok, err := db.matches(ctx, password, phc)
	if err != nil {
		return err
	}
	if !ok {
		f := failedSignIn{why: "again", program: program, from: sender(address)}
		if err := db.failSignIn(ctx, s.PersonID, a, f); err != nil {
			return err
		}
		return wrong
	}
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		if _, err := tx.Exec(ctx, `UPDATE sessions SET fresh_at = now() WHERE id = $1`, s.ID); err != nil {
			return fmt.Errorf("note that the password was given: %w", err)
		}
		return a.forgive(ctx, tx)
	})
}
