package people

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// throttle says how many tries are let through within a time: for one e-mail address, and from one place. A whole
// institute may sit behind one network address.
type throttle struct {
	prefix         string // of its keys
	minutes        int
	byEmail, byOne int
	title          string
}

// signIns bounds the guessing of passwords; what succeeds is forgiven.
func signIns() throttle {
	return throttle{minutes: 15, byEmail: 8, byOne: 40, title: "There were too many failed sign-ins in the last 15 minutes."}
}

// mailings bounds what strangers have us write to an address: sign-ups, new passwords, confirmations sent again.
func mailings() throttle {
	return throttle{prefix: "mail-", minutes: 60, byEmail: 5, byOne: 60, title: "Links were asked for too often in the last hour."}
}

// invitings bounds what an organization or a provider has us write.
func invitings() throttle {
	return throttle{prefix: "invite-", minutes: 60, byEmail: 5, byOne: 60, title: "There were too many invitations in the last hour."}
}

// attempt is one try, counted as failed until it is forgiven: tries that run at once cannot slip past.
type attempt struct {
	throttle
	email, whence string // keys
	at            time.Time
}

// count counts a try, or refuses it ("throttled") without counting, so that an attacker cannot lock someone out for
// longer by going on.
func (t throttle) count(ctx context.Context, db *DB, email, whence string) (attempt, error) {
	a := attempt{throttle: t, email: t.prefix + "email:" + email, whence: t.prefix + "address:" + whence}
	return a, db.core.Tx(ctx, func(tx pgx.Tx) error {
		// Advisory locks in the order of the keys: two tries for one e-mail are counted one after the other.
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtext(k)) FROM unnest($1::text[]) AS k`,
			[]string{a.whence, a.email}); err != nil {
			return fmt.Errorf("count try: %w", err)
		}
		if err := a.refuse(ctx, tx); err != nil {
			return err
		}
		if err := forgetTries(ctx, tx); err != nil {
			return err
		}
		err := tx.QueryRow(ctx, `
			WITH failed AS (INSERT INTO sign_in_failures (key, at)
				SELECT k, now() FROM unnest($1::text[]) AS k RETURNING at)
			SELECT max(at) FROM failed`, []string{a.whence, a.email}).Scan(&a.at)
		if err != nil {
			return fmt.Errorf("count try: %w", err)
		}
		return nil
	})
}

// forgetTries removes some that no throttle looks at any more, whoever's they were: what strangers type into forms does
// not grow for ever. Those that another try is removing are left to it.
func forgetTries(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `
		DELETE FROM sign_in_failures WHERE ctid IN (
			SELECT ctid FROM sign_in_failures WHERE at < now() - interval '1 day' LIMIT 100 FOR UPDATE SKIP LOCKED)`)
	if err != nil {
		return fmt.Errorf("forget tries: %w", err)
	}
	return nil
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
		[]string{a.email, a.whence}, a.minutes); err != nil {
		return fmt.Errorf("count try: %w", err)
	}
	var tooMany bool
	var wait time.Duration
	err := tx.QueryRow(ctx, `
		SELECT count(*) FILTER (WHERE key = $1) >= $3 OR count(*) FILTER (WHERE key = $2) >= $4,
			coalesce(min(at) + make_interval(mins => $5) - now(), interval '0')
		FROM sign_in_failures WHERE key IN ($1, $2)`,
		a.email, a.whence, a.byEmail, a.byOne, a.minutes).Scan(&tooMany, &wait)
	if err != nil {
		return fmt.Errorf("count try: %w", err)
	}
	if !tooMany {
		return nil
	}
	return &refusal.Error{
		Code: "throttled", Title: a.title, Next: fmt.Sprintf("Try again in %s.", store.Plural(int(wait/time.Minute)+1, "minute")),
	}
}

// forgive forgets this try and earlier failures for its e-mail; failures from its address stay counted.
func (a attempt) forgive(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `DELETE FROM sign_in_failures WHERE key = $1 OR (key = $2 AND at = $3)`, a.email, a.whence, a.at)
	if err != nil {
		return fmt.Errorf("forgive failed tries: %w", err)
	}
	return nil
}
