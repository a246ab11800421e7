package store

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/queue"
)

// SendMailAgain gives a failed or kept mail to the worker anew. Refusals: "state" where it was sent or waits, or its
// link is forgotten, NotFound("mail").
func (db *DB) SendMailAgain(ctx context.Context, by, id uuid.UUID) error {
	return db.Tx(ctx, func(tx pgx.Tx) error {
		var state string
		var kind MailKind
		var hasLink bool
		err := tx.QueryRow(ctx, `SELECT state, kind, has_link FROM mails WHERE id = $1 FOR NO KEY UPDATE`, id).Scan(&state, &kind, &hasLink)
		if err != nil {
			return Found(err, "mail")
		}
		if state != "failed" && state != "kept" && state != "refused" {
			return &refusal.Error{Code: "state", Title: "This mail is " + state + ".", Next: "Only a mail that failed, was refused or was kept is sent again."}
		}
		if kind.Secret() && !hasLink {
			return &refusal.Error{Code: "state", Title: "The link of this mail is forgotten: it has ended.", Next: "Who it was for asks for another, or is invited again."}
		}
		if _, err := tx.Exec(ctx, `UPDATE mails SET state = 'waiting', error = '' WHERE id = $1`, id); err != nil {
			return fmt.Errorf("send mail again: %w", err)
		}
		if err := Enqueue(ctx, tx, queue.SendMail{MailID: id}); err != nil {
			return fmt.Errorf("queue mail: %w", err)
		}
		return WriteAudit(ctx, tx, AuditRow{By: by, Verb: "send mail again", Subject: "mail", SubjectID: id})
	})
}
