package people

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// throttle says how many tries are let through within a time. What strangers do must not keep the right person out, so each
// try is counted where it comes from, and what all strangers together may do to one account is a bound of its own, far above.
type throttle struct {
	prefix  string // of its keys
	minutes int
	title   string

	own     int // for one account from one address, device, session or link
	address int // from one address, for all accounts: a whole institute may sit behind it
	network int // from one network
	account int // for one account, from places that it does not know
	free    int // of these, so many before each next one has to wait
}

// signIns bounds the guessing of passwords; what succeeds is forgiven.
func signIns() throttle {
	return throttle{
		minutes: 15, title: "There were too many failed sign-ins in the last 15 minutes.",
		own: 8, address: 40, network: 200, account: 100, free: 4,
	}
}

// mailings bounds what strangers have us write to an address: sign-ups, new passwords, confirmations sent again.
func mailings() throttle {
	return throttle{
		prefix: "mail-", minutes: 60, title: "Links were asked for too often in the last hour.",
		own: 5, address: 60, network: 200, account: 20, free: 20,
	}
}

// invitings bounds what an organization or a provider has us write.
func invitings() throttle {
	return throttle{prefix: "invite-", minutes: 60, title: "There were too many invitations in the last hour.", own: 5, address: 60, account: 20, free: 20}
}

// firstWait is how long a try waits before its password is looked at, once those that are free are used up; each next one
// waits twice as long, mostWait at most.
const (
	firstWait = 250 * time.Millisecond
	mostWait  = 4 * time.Second
)

// trier is who tries.
type trier struct {
	email   string
	from    netip.Addr
	device  string    // the token that the browser got when somebody signed in with it; empty for none
	session uuid.UUID // of somebody who is signed in, and gives the password again
	link    string    // a secret that was mailed, without which there is nothing to guess
}

// bound is a key that tries are counted under, and how many there may be.
type bound struct {
	key  string
	most int
}

// attempt is one try, counted as failed until it is forgiven: tries that run at once cannot slip past.
type attempt struct {
	throttle
	where
	at   time.Time
	wait time.Duration // before the password is looked at
}

// where are the keys that a try is counted under.
type where struct {
	bounds []bound // the first is of the account, or of what stands for it
	shared string  // the key among them of all that strangers try with the account; empty where no stranger tries
}

// count counts a try, or refuses it ("throttled") without counting, so that an attacker cannot lock someone out for
// longer by going on.
func (t throttle) count(ctx context.Context, db *DB, who trier) (attempt, error) {
	w, err := t.where(ctx, db, who)
	if err != nil {
		return attempt{}, err
	}
	return t.countAt(ctx, db, w)
}

func (t throttle) countAt(ctx context.Context, db *DB, w where) (attempt, error) {
	a := attempt{throttle: t, where: w}
	err := db.core.Tx(store.Aside(ctx), func(tx pgx.Tx) error {
		// Advisory locks in the order of the keys: two tries for one account are counted one after the other.
		if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtext(k)) FROM (SELECT unnest($1::text[]) AS k ORDER BY 1) keys`, a.keys()); err != nil {
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
			SELECT max(at) FROM failed`, a.keys()).Scan(&a.at)
		if err != nil {
			return fmt.Errorf("count try: %w", err)
		}
		return nil
	})
	return a, err
}

// where says where a try is counted. A session, a link and a known device stand for themselves: only who has them can use
// up theirs. An address in which the person has signed in is not held to what strangers do elsewhere.
func (t throttle) where(ctx context.Context, db *DB, who trier) (where, error) {
	key := func(format string, args ...any) string { return t.prefix + fmt.Sprintf(format, args...) }
	switch {
	case who.session != uuid.Nil:
		return where{bounds: []bound{{key("session:%s", who.session), t.own}}}, nil
	case who.link != "":
		return where{bounds: []bound{{key("link:%x", store.HashToken(who.link)), t.own}, {key("address:%s", throttleAddress(who.from)), t.address}}}, nil
	}
	near, _ := network(who.from)
	var device, place bool
	err := db.pool.QueryRow(ctx, `
		SELECT EXISTS (SELECT FROM devices d WHERE d.person_id = p.id AND d.token_hash = $2 AND d.seen_at > now() - make_interval(days => $3)),
			EXISTS (SELECT FROM audit a WHERE a.person_id = p.id AND a.verb = 'sign in' AND a.address <<= $4 AND a.at > now() - make_interval(days => $5))
		FROM (SELECT (SELECT id FROM people WHERE email = $1) AS id) p`,
		who.email, store.HashToken(who.device), deviceDays, orNoPrefix(throttlePrefix(who.from)), placeDays).Scan(&device, &place)
	if err != nil {
		return where{}, fmt.Errorf("count try: %w", err)
	}
	if device {
		return where{bounds: []bound{{key("email:%s by %x", who.email, store.HashToken(who.device)), t.own}}}, nil
	}
	bounds := []bound{
		{key("email:%s from %s", who.email, throttleAddress(who.from)), t.own},
		{key("address:%s", throttleAddress(who.from)), t.address},
		{key("network:%s", near), t.network},
	}
	if place {
		return where{bounds: bounds[:2]}, nil
	}
	account := key("email:%s", who.email)
	return where{bounds: append(bounds, bound{account, t.account}), shared: account}, nil
}

func orNoPrefix(p netip.Prefix) *netip.Prefix {
	if !p.IsValid() {
		return nil
	}
	return &p
}

func (a attempt) keys() []string {
	keys := make([]string, len(a.bounds))
	for i, b := range a.bounds {
		keys[i] = b.key
	}
	return keys
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

// throttlePrefix takes an IPv6 network as one address: whoever has one has 2^64 of them.
func throttlePrefix(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := 32
	if a.Is6() {
		bits = 64
	}
	p, _ := a.Prefix(bits)
	return p
}

func throttleAddress(a netip.Addr) string { return throttlePrefix(a).String() }

func (a *attempt) refuse(ctx context.Context, tx pgx.Tx) error {
	if _, err := tx.Exec(ctx, `
		DELETE FROM sign_in_failures WHERE key = ANY($1) AND at < now() - make_interval(mins => $2)`, a.keys(), a.minutes); err != nil {
		return fmt.Errorf("count try: %w", err)
	}
	most := make([]int, len(a.bounds))
	for i, b := range a.bounds {
		most[i] = b.most
	}
	rows, _ := tx.Query(ctx, `
		SELECT (SELECT count(*)::int FROM sign_in_failures f WHERE f.key = b.key) AS tries,
			coalesce((SELECT at FROM sign_in_failures f WHERE f.key = b.key ORDER BY at DESC OFFSET b.most - 1 LIMIT 1) + make_interval(mins => $3) - now(),
				interval '0') AS wait
		FROM unnest($1::text[], $2::int[]) WITH ORDINALITY AS b (key, most, n) ORDER BY n`, a.keys(), most, a.minutes)
	type seen struct {
		Tries int
		Wait  time.Duration
	}
	counted, err := store.All(rows, "tries", pgx.RowToStructByName[seen])
	if err != nil {
		return err
	}
	var wait time.Duration
	refused := false
	for i, c := range counted {
		if a.bounds[i].key == a.shared {
			a.wait = waitAfter(c.Tries - a.free)
		}
		if c.Tries >= a.bounds[i].most {
			refused, wait = true, max(wait, c.Wait)
		}
	}
	if !refused {
		return nil
	}
	return &refusal.Error{
		Code: "throttled", Title: a.title, Next: fmt.Sprintf("Try again in %s.", store.Plural(int(wait/time.Minute)+1, "minute")),
	}
}

// waitAfter is the wait of a try that n were before which had to wait; none below 0.
func waitAfter(n int) time.Duration {
	if n < 0 {
		return 0
	}
	return min(firstWait<<min(n, 10), mostWait)
}

// slow waits as long as the try has to, with no connection in hand.
func (a attempt) slow(ctx context.Context) error {
	if a.wait == 0 {
		return nil
	}
	t := time.NewTimer(a.wait)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// forgive forgets this try and earlier failures of who tried; what others did from elsewhere stays counted, but for the
// account's own bound.
func (a attempt) forgive(ctx context.Context, tx pgx.Tx) error {
	own := []string{a.bounds[0].key, a.shared}
	_, err := tx.Exec(ctx, `DELETE FROM sign_in_failures WHERE key = ANY($1) OR (key = ANY($2) AND at = $3)`, own, a.keys(), a.at)
	if err != nil {
		return fmt.Errorf("forgive failed tries: %w", err)
	}
	return nil
}

// forgiveAll forgets all failures for an account: its owner has opened a link that went to its address.
func forgiveAll(ctx context.Context, tx pgx.Tx, email string) error {
	for _, t := range []throttle{signIns(), mailings()} {
		key := t.prefix + "email:" + email
		if _, err := tx.Exec(ctx, `DELETE FROM sign_in_failures WHERE key = $1 OR starts_with(key, $1 || ' ')`, key); err != nil {
			return fmt.Errorf("forgive failed tries: %w", err)
		}
	}
	return nil
}
