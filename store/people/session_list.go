package people

import (
	"context"
	"net/netip"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// OpenSession is a place where a person is signed in.
type OpenSession struct {
	ID        uuid.UUID
	UserAgent string
	Address   *netip.Addr
	CreatedAt time.Time
	SeenAt    time.Time // at most a minute old
	ExpiresAt time.Time
	Total     int
}

// SessionFilter narrows and orders a list of sessions. Sorting keys: browser, seen, created, address.
type SessionFilter struct {
	Text string // part of what the browser says of itself, or of the address
	store.Sorting
	store.Page
}

// Sessions lists where a person is signed in, the one used last first where the filter says nothing else, and how many
// the filter leaves.
func (db *DB) Sessions(ctx context.Context, personID uuid.UUID, f SessionFilter) ([]OpenSession, int, error) {
	const from = ` FROM sessions WHERE person_id = $1 AND expires_at > now() AND (user_agent ILIKE $2 OR host(address) ILIKE $2)`
	order := store.Sortable{"browser": "user_agent", "seen": "seen_at", "created": "created_at", "address": "address"}
	rows, _ := db.pool.Query(ctx, `
		SELECT id, user_agent, address, created_at, seen_at, expires_at, count(*) OVER ()::int AS total
		`+from+order.OrderBy(f.Sorting, "seen_at DESC, id")+` LIMIT $3 OFFSET $4`, personID, store.Like(f.Text), f.Most(), f.Skip())
	list, err := store.All(rows, "sessions", pgx.RowToStructByName[OpenSession])
	if err != nil || len(list) > 0 {
		return list, store.TotalOf(list, func(s OpenSession) int { return s.Total }), err
	}
	total, err := db.core.Count(ctx, `SELECT count(*)`+from, personID, store.Like(f.Text))
	return list, total, err
}
