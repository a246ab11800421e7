package people

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// NewAnnouncement is what Announce needs.
type NewAnnouncement struct {
	Pool  uuid.UUID // Nil: for all of the provider
	Title string
	Text  string
	Tone  string    // "note" or "warning"
	From  time.Time // zero: now
	Until time.Time // zero: until it is ended
	Mail  bool      // also to the owners and managers of those concerned
}

// Announce tells the organizations that have clusters, hours or requests with a provider, or on one of its pools.
// Refusals: "invalid" by field (title, text, tone, until_at), "suspended", NotFound("pool").
func (db *DB) Announce(ctx context.Context, by, providerID uuid.UUID, n NewAnnouncement) (uuid.UUID, error) {
	if err := n.check(); err != nil {
		return uuid.Nil, err
	}
	id, err := store.NewID()
	if err != nil {
		return uuid.Nil, err
	}
	return id, db.core.Tx(ctx, func(tx pgx.Tx) error {
		if err := RefuseSuspendedProvider(ctx, tx, providerID); err != nil {
			return err
		}
		var from time.Time
		err := tx.QueryRow(ctx, `
			INSERT INTO announcements (id, provider_id, pool_id, title, text, tone, from_at, until_at, created_by, created_at)
			VALUES ($1, $2, $3, $4, $5, $6, coalesce($7, now()), $8, $9, now()) RETURNING from_at`,
			id, providerID, store.OrNull(n.Pool), n.Title, n.Text, n.Tone, store.OrNoTime(n.From), store.OrNoTime(n.Until), by).Scan(&from)
		if store.ForeignKeyViolation(err) {
			return refusal.NotFound("pool")
		}
		if err != nil {
			return fmt.Errorf("announce: %w", err)
		}
		if n.Mail {
			if err := db.mailAnnouncement(ctx, tx, id, n); err != nil {
				return err
			}
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{By: by, Provider: providerID, Verb: "announce", Subject: "announcement", SubjectID: id})
	})
}

// Check is what the command refuses of the fields themselves ("invalid"), for a form that tells all faults at once.
func (n NewAnnouncement) Check() error {
	return n.check()
}

func (n NewAnnouncement) check() error {
	f := store.Fields{}
	f.Length("title", n.Title, 1, 120)
	letters := len([]rune(n.Text))
	f.Check(letters >= 1 && letters <= 2000, "text", "Write 1 to 2000 characters; these are %d.", letters)
	f.Check(n.Tone == "note" || n.Tone == "warning", "tone", "Choose note or warning.")
	begins := n.From
	if begins.IsZero() {
		begins = time.Now()
	}
	f.Check(n.Until.IsZero() || n.Until.After(begins), "until_at", "The end has to come after the beginning.")
	return f.Refusal()
}

func (db *DB) mailAnnouncement(ctx context.Context, tx pgx.Tx, id uuid.UUID, n NewAnnouncement) error {
	var provider string
	var organizations []uuid.UUID
	err := tx.QueryRow(ctx, `
		SELECT pr.name, (SELECT array_agg(o.id ORDER BY o.id) FROM organizations o WHERE o.id IN (`+concerned+`))
		FROM announcements a JOIN providers pr ON pr.id = a.provider_id WHERE a.id = $1`, id).Scan(&provider, &organizations)
	if err != nil {
		return fmt.Errorf("read whom an announcement concerns: %w", err)
	}
	// Who is of several organizations gets it once: the subject is the announcement.
	var happened []store.Happening
	for _, o := range organizations {
		happened = append(happened, store.Happening{
			Place: o, Subject: id, Mark: "made", Kind: store.MailAnnouncement,
			Data: map[string]string{"provider": provider, "title": n.Title, "text": n.Text, "path": "/org"},
		})
	}
	return db.core.Tell(ctx, tx, store.EventAnnouncement, happened...)
}
