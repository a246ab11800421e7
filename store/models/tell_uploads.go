package models

import (
	"context"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// staleUpload is an unfinished upload of which nothing has come for long.
type staleUpload struct {
	ID             string
	OrganizationID uuid.UUID
	PersonID       uuid.UUID
	Name           string
	Filename       string
	Size           int64
	CreatedAt      time.Time
	Source         string     // the address that it was fetched from, without its query; empty: it is sent
	StartedAt      *time.Time // since when it was fetched
}

const staleColumns = `id, organization_id, person_id, coalesce(nullif(name, ''), filename) AS name, filename, size, created_at,
	coalesce((SELECT address FROM upload_sources WHERE upload_id = id), '') AS source, (SELECT started_at FROM upload_sources WHERE upload_id = id) AS started_at`

// notFetched keeps what is fetched at this moment, or waits for that, from who takes it for one that stands still (StaleUploads).
const notFetched = ` AND NOT EXISTS (SELECT FROM upload_sources WHERE upload_id = id AND upload_sources.state IN ('waiting', 'fetching'))`

// WarnOfUpload tells who began an unfinished upload that it stands still since a time (zero: since it was begun), of how many bytes are here,
// and when it is discarded: grace after that. It tells once of each standstill, and of an upload that is gone never.
func (db *DB) WarnOfUpload(ctx context.Context, id string, received int64, since time.Time, grace time.Duration) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		// Not locked: who finishes or discards it at this moment is told once too often.
		rows, _ := tx.Query(ctx, `SELECT `+staleColumns+` FROM uploads WHERE id = $1 AND state = 'arriving'`+notFetched, id)
		list, err := store.All(rows, "stale upload", pgx.RowToStructByName[staleUpload])
		if err != nil || len(list) == 0 {
			return err
		}
		if since.IsZero() {
			since = list[0].CreatedAt
		}
		if started := list[0].StartedAt; started != nil && started.After(since) {
			since = *started
		}
		return list[0].tell(ctx, db.core, tx, store.MailUploadStale, "since "+strconv.FormatInt(since.Unix(), 10), received, map[string]string{"until": store.MailTime(since.Add(grace))})
	})
}

// ExpireUpload is DiscardUpload of an unfinished upload that stood still too long, with received bytes: who began it is told.
func (db *DB) ExpireUpload(ctx context.Context, id string, received int64) (was bool, err error) {
	return was, db.core.Tx(ctx, func(tx pgx.Tx) error {
		rows, _ := tx.Query(ctx, `DELETE FROM uploads WHERE id = $1 AND state = 'arriving'`+notFetched+` RETURNING `+staleColumns, id)
		gone, err := store.All(rows, "expired upload", pgx.RowToStructByName[staleUpload])
		if was = len(gone) == 1; err != nil || !was {
			return err
		}
		u := gone[0]
		if err := writeDiscard(ctx, tx, uuid.Nil, Upload{
			ID: id, Organization: u.OrganizationID, Name: u.Name, Filename: u.Filename, Size: u.Size, CreatedAt: u.CreatedAt, State: provisioner.UploadArriving,
		}); err != nil {
			return err
		}
		return u.tell(ctx, db.core, tx, store.MailUploadGone, "gone", received, nil)
	})
}

func (u staleUpload) tell(ctx context.Context, core *store.DB, tx pgx.Tx, kind store.MailKind, mark string, received int64, more map[string]string) error {
	subject, err := UploadSubject(u.ID)
	if err != nil {
		return err
	}
	data := map[string]string{"upload": u.Name, "file": u.Filename, "received": refusal.Bytes(received), "size": refusal.Bytes(u.Size), "path": "/org/images/new"}
	if u.Source != "" {
		data["address"] = u.Source
		if kind == store.MailUploadStale { // its page says why, and tries again
			data["path"] = "/org/uploads/" + subject.String()
		}
	}
	for k, v := range more {
		data[k] = v
	}
	if err := core.Tell(ctx, tx, store.EventUploadStale, store.Happening{
		Place: u.OrganizationID, Subject: subject, Mark: mark, Whose: u.PersonID, Kind: kind, Data: data,
	}); err != nil {
		return fmt.Errorf("tell of upload %s: %w", u.ID, err)
	}
	return nil
}
