package people

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// placeDays is how long a network stays known in which a person signed in.
const placeDays = 90

// warnOfPlace mails to a person that they sign in from a network (network) in which they have not within placeDays. The
// log knows where they did; who never signed in with an address is not warned of the first.
func (db *DB) warnOfPlace(ctx context.Context, tx pgx.Tx, personID uuid.UUID, from netip.Addr, program string) error {
	near, ok := network(from)
	if !ok {
		return nil
	}
	var ever, here bool
	err := tx.QueryRow(ctx, `
		SELECT count(*) > 0, coalesce(bool_or(address <<= $2), false) FROM audit
		WHERE person_id = $1 AND verb = 'sign in' AND address IS NOT NULL AND at > now() - make_interval(days => $3)`, personID, near, placeDays).Scan(&ever, &here)
	if err != nil {
		return fmt.Errorf("read places of sign-in: %w", err)
	}
	if !ever || here {
		return nil
	}
	return db.core.Warn(ctx, tx, []uuid.UUID{personID}, store.MailNewPlace, map[string]string{"program": program, "path": "/account/sessions"})
}

// network is what counts as one place: an IPv4 /24, an IPv6 /48.
func network(a netip.Addr) (netip.Prefix, bool) {
	a = a.Unmap().WithZone("")
	bits := 24
	if a.Is6() {
		bits = 48
	}
	p, err := a.Prefix(bits)
	return p, err == nil && a.IsValid()
}
