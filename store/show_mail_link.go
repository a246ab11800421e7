package store

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"volary.dev/provisioner/typed"
)

// SealedLink is the secret link of a mail, for who has the identity.
type SealedLink struct {
	ID        uuid.UUID
	ToAddress string
	Subject   string // empty until the worker wrote it
	Sealed    []byte
}

// ShowMailLink gives the operator's command the link of the newest mail to an address, whose subject contains a text. That it
// was looked at is written to the log and to the person before anybody sees it. Where the mail was sent, the link is
// forgotten: NotFound("link").
func (db *DB) ShowMailLink(ctx context.Context, to, subject string) (l SealedLink, err error) {
	err = db.Tx(ctx, func(tx pgx.Tx) error {
		rows, _ := tx.Query(ctx, `
			SELECT id, to_address, subject, sealed FROM mails WHERE has_link AND to_address = $1 AND subject ILIKE $2
			ORDER BY created_at DESC, id DESC LIMIT 1 FOR NO KEY UPDATE`, typed.Email(to), Like(subject))
		var err error
		if l, err = One(rows, "link", pgx.RowToStructByName[SealedLink]); err != nil {
			return err
		}
		if err := WriteAudit(ctx, tx, AuditRow{Verb: "show link of mail", Subject: "mail", SubjectID: l.ID}); err != nil {
			return err
		}
		err = db.QueueMail(ctx, tx, Outgoing{To: l.ToAddress, Kind: MailLinkShown, Data: map[string]string{"subject": l.Subject, "path": "/reset"}})
		if err != nil {
			return fmt.Errorf("tell who the link is for: %w", err)
		}
		return nil
	})
	return l, err
}
