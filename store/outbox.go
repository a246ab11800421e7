package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// OutboxMail is a mail as the platform's admins see it.
type OutboxMail struct {
	ID        uuid.UUID
	ToAddress string
	Kind      MailKind
	Subject   string // empty until the worker rendered it
	Body      string
	State     string // "waiting", "sent", "kept", "failed", "refused"
	Error     string // of the last try
	Attempts  int
	CreatedAt time.Time
	SentAt    *time.Time
	Path      string // page of ours that its link opens; empty where it has none, or a secret one
	HasLink   bool   // a secret one, by which whoever has it is taken for the person, is kept for it
	Total     int
}

// MailFilter narrows Outbox.
type MailFilter struct {
	Text  string // in address or subject
	State string
	Sorting
	Page
}

const outbox = ` FROM mails WHERE (to_address ILIKE $1 OR subject ILIKE $1) AND ($2 = '' OR state = $2)`

const selectOutboxMail = `
	SELECT id, to_address, kind, subject, body, state, error, attempts, created_at, sent_at,
		coalesce(data->>'path', '') AS path, has_link`

// Outbox lists mails, the newest first where the filter says nothing else, and how many it leaves.
func (db *DB) Outbox(ctx context.Context, f MailFilter) ([]OutboxMail, int, error) {
	order := Sortable{"to": "to_address", "kind": "kind", "state": "state", "created": "created_at"}
	rows, _ := db.pool.Query(ctx, selectOutboxMail+`, count(*) OVER ()::int AS total`+outbox+
		order.OrderBy(f.Sorting, "created_at DESC, id DESC")+` LIMIT $3 OFFSET $4`, Like(f.Text), f.State, f.Most(), f.Skip())
	list, err := All(rows, "outbox", pgx.RowToStructByName[OutboxMail])
	if err != nil || len(list) > 0 {
		return list, TotalOf(list, func(m OutboxMail) int { return m.Total }), err
	}
	total, err := db.Count(ctx, `SELECT count(*)`+outbox, Like(f.Text), f.State)
	return list, total, err
}

// OutboxMail finds one by its id.
func (db *DB) OutboxMail(ctx context.Context, id uuid.UUID) (OutboxMail, error) {
	rows, _ := db.pool.Query(ctx, selectOutboxMail+`, 1 AS total FROM mails WHERE id = $1`, id)
	return One(rows, "mail", pgx.RowToStructByName[OutboxMail])
}
