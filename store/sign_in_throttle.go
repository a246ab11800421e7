package store

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
)

// What is let through within throttleWindow. A whole institute may sign in from one address.
const (
	throttleMinutes = 15
	emailFailures   = 8
	addressFailures = 40
)

// attempt is one try to sign in, counted as failed until it is forgiven: tries that run at once cannot slip past.
type attempt struct {
	email, address string // keys
	at             time.Time
}

// countAttempt counts a try, or refuses it ("throttled") without counting, so that an attacker cannot lock someone out
// for longer by going on.
func (db *DB) countAttempt(ctx context.Context, email string, from netip.Addr) (attempt, error) {
	a := attempt{email: "email:" + email, address: "address:" + throttleAddress(from)}
	return a, db.tx(ctx, func(tx pgx.Tx) error {
		// Advisory locks in the order of the keys: two tries for one e-mail are counted one after the other.
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtext(k)) FROM unnest($1::text[]) AS k`,
			[]string{a.address, a.email}); err != nil {
			return fmt.Errorf("sign in: %w", err)
		}
		if err := a.refuse(ctx, tx); err != nil {
			return err
		}
		err := tx.QueryRow(ctx, `
			WITH failed AS (INSERT INTO sign_in_failures (key, at)
				SELECT k, now() FROM unnest($1::text[]) AS k RETURNING at)
			SELECT max(at) FROM failed`, []string{a.address, a.email}).Scan(&a.at)
		if err != nil {
			return fmt.Errorf("count sign-in: %w", err)
		}
		return nil
	})
}

// throttleAddress takes an IPv6 network as one address: whoever has one has 2^64 of them.
func throttleAddress(a netip.Addr) string {
	a = a.Unmap()
	if a.Is6() {
		if p, err := a.WithZone("").Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}

func (a attempt) refuse(ctx context.Context, tx pgx.Tx) error {
	if _, err := tx.Exec(ctx, `
		DELETE FROM sign_in_failures WHERE key = ANY($1) AND at < now() - make_interval(mins => $2)`,
		[]string{a.email, a.address}, throttleMinutes); err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	var tooMany bool
	var wait time.Duration
	err := tx.QueryRow(ctx, `
		SELECT count(*) FILTER (WHERE key = $1) >= $3 OR count(*) FILTER (WHERE key = $2) >= $4,
			coalesce(min(at) + make_interval(mins => $5) - now(), interval '0')
		FROM sign_in_failures WHERE key IN ($1, $2)`,
		a.email, a.address, emailFailures, addressFailures, throttleMinutes).Scan(&tooMany, &wait)
	if err != nil {
		return fmt.Errorf("sign in: %w", err)
	}
	if !tooMany {
		return nil
	}
	return &provisioner.Refusal{
		Code:  "throttled",
		Title: fmt.Sprintf("There were too many failed sign-ins in the last %d minutes.", throttleMinutes),
		Next:  fmt.Sprintf("Try again in %s.", plural(int(wait/time.Minute)+1, "minute")),
	}
}

// forgive forgets this try and earlier failures for its e-mail; failures from its address stay counted.
func (a attempt) forgive(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `DELETE FROM sign_in_failures WHERE key = $1 OR (key = $2 AND at = $3)`, a.email, a.address, a.at)
	if err != nil {
		return fmt.Errorf("forgive failed sign-ins: %w", err)
	}
	return nil
}
