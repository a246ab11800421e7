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

// Sessions lists where a person is signed in, the one used last first, and how many there are.
func (db *DB) Sessions(ctx context.Context, personID uuid.UUID, by Sorting, page Page) ([]OpenSession, int, error) {
	order := sortable{"seen": "seen_at", "created": "created_at", "address": "address"}
	rows, _ := db.pool.Query(ctx, `
		SELECT id, user_agent, address, created_at, seen_at, expires_at, count(*) OVER ()::int AS total
		FROM sessions WHERE person_id = $1 AND expires_at > now()`+order.orderBy(by, "seen_at DESC, id")+` LIMIT $2 OFFSET $3`,
		personID, page.limit(), page.offset())
	list, err := all(rows, "sessions", pgx.RowToStructByName[OpenSession])
	if err != nil || len(list) > 0 {
		return list, totalOf(list, func(s OpenSession) int { return s.Total }), err
	}
	total, err := db.count(ctx, `SELECT count(*) FROM sessions WHERE person_id = $1 AND expires_at > now()`, personID)
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
