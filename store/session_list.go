package store

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
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
	Sorting
	Page
}

// Sessions lists where a person is signed in, the one used last first where the filter says nothing else, and how many
// the filter leaves.
func (db *DB) Sessions(ctx context.Context, personID uuid.UUID, f SessionFilter) ([]OpenSession, int, error) {
	const from = ` FROM sessions WHERE person_id = $1 AND expires_at > now() AND (user_agent ILIKE $2 OR host(address) ILIKE $2)`
	order := sortable{"browser": "user_agent", "seen": "seen_at", "created": "created_at", "address": "address"}
	rows, _ := db.pool.Query(ctx, `
		SELECT id, user_agent, address, created_at, seen_at, expires_at, count(*) OVER ()::int AS total
		`+from+order.orderBy(f.Sorting, "seen_at DESC, id")+` LIMIT $3 OFFSET $4`, personID, like(f.Text), f.limit(), f.offset())
	list, err := all(rows, "sessions", pgx.RowToStructByName[OpenSession])
	if err != nil || len(list) > 0 {
		return list, totalOf(list, func(s OpenSession) int { return s.Total }), err
	}
	total, err := db.count(ctx, `SELECT count(*)`+from, personID, like(f.Text))
	return list, total, err
}

// EndSession ends one of a person's sessions. Refusals: NotFound("session").
func (db *DB) EndSession(ctx context.Context, personID, id uuid.UUID) error {
	return db.tx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `DELETE FROM sessions WHERE id = $1 AND person_id = $2`, id, personID)
		if err != nil {
			return fmt.Errorf("end session: %w", err)
		}
		if tag.RowsAffected() == 0 {
			return provisioner.NotFound("session")
		}
		return writeAudit(ctx, tx, auditRow{By: personID, Verb: "end session", Subject: "session", SubjectID: id})
	})
}

// EndOtherSessions ends all of a person's sessions but one, and says how many.
func (db *DB) EndOtherSessions(ctx context.Context, personID, keep uuid.UUID) (n int, err error) {
	return n, db.tx(ctx, func(tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `DELETE FROM sessions WHERE person_id = $1 AND id <> $2`, personID, keep)
		if err != nil {
			return fmt.Errorf("end sessions: %w", err)
		}
		n = int(tag.RowsAffected())
		return writeAudit(ctx, tx, auditRow{By: personID, Verb: "end other sessions", Subject: "person", SubjectID: personID, Detail: map[string]any{"sessions": n}})
	})
}
