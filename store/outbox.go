package store

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/store/queue"
)

// OutboxMail is a mail as the platform's admins see it.
type OutboxMail struct {
	ID        uuid.UUID
	ToAddress string
	Kind      MailKind
	Subject   string // empty until the worker rendered it
	Body      string
	State     string // "waiting", "sent", "kept", "failed"
	Error     string // of the last try
	Attempts  int
	CreatedAt time.Time
	SentAt    *time.Time
	Link      string // page of ours that its link opens; empty once a secret one was sent
	Secret    bool   // whoever has the link is taken for the person
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
		coalesce(data->>'secret', data->>'path', '') AS link, data ? 'secret' AS secret`

// Outbox lists mails, the newest first where the filter says nothing else, and how many it leaves.
func (db *DB) Outbox(ctx context.Context, f MailFilter) ([]OutboxMail, int, error) {
	order := sortable{"to": "to_address", "kind": "kind", "state": "state", "created": "created_at"}
	rows, _ := db.pool.Query(ctx, selectOutboxMail+`, count(*) OVER ()::int AS total`+outbox+
		order.orderBy(f.Sorting, "created_at DESC, id DESC")+` LIMIT $3 OFFSET $4`, like(f.Text), f.State, f.limit(), f.offset())
	list, err := all(rows, "outbox", pgx.RowToStructByName[OutboxMail])
	if err != nil || len(list) > 0 {
		return list, totalOf(list, func(m OutboxMail) int { return m.Total }), err
	}
	total, err := db.count(ctx, `SELECT count(*)`+outbox, like(f.Text), f.State)
	return list, total, err
}

// OutboxMail finds one by its id.
func (db *DB) OutboxMail(ctx context.Context, id uuid.UUID) (OutboxMail, error) {
	rows, _ := db.pool.Query(ctx, selectOutboxMail+`, 1 AS total FROM mails WHERE id = $1`, id)
	return one(rows, "mail", pgx.RowToStructByName[OutboxMail])
}

// SendMailAgain gives a failed or kept mail to the worker anew. Refusals: "state" where it was sent or waits,
// NotFound("mail").
func (db *DB) SendMailAgain(ctx context.Context, by, id uuid.UUID) error {
	return db.tx(ctx, func(tx pgx.Tx) error {
		var state string
		if err := tx.QueryRow(ctx, `SELECT state FROM mails WHERE id = $1 FOR NO KEY UPDATE`, id).Scan(&state); err != nil {
			return found(err, "mail")
		}
		if state != "failed" && state != "kept" {
			return &provisioner.Refusal{Code: "state", Title: "This mail is " + state + ".", Next: "Only a mail that failed or was kept is sent again."}
		}
		if _, err := tx.Exec(ctx, `UPDATE mails SET state = 'waiting', error = '' WHERE id = $1`, id); err != nil {
			return fmt.Errorf("send mail again: %w", err)
		}
		if err := enqueue(ctx, tx, queue.SendMail{MailID: id}); err != nil {
			return fmt.Errorf("queue mail: %w", err)
		}
		return writeAudit(ctx, tx, auditRow{By: by, Verb: "send mail again", Subject: "mail", SubjectID: id})
	})
}
