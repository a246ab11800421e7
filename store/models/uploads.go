package models

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// How many unfinished uploads an organization may have, and each of its people within that: each keeps space on the image volume,
// and nobody may keep the others from theirs.
const (
	MaxOpenUploads     = 8
	MaxOpenUploadsEach = 3
)

// Upload is a file on its way to us, in parts.
type Upload struct {
	ID           string // 32 lower-case hex digits, chosen by the tus handler
	Organization uuid.UUID
	Person       string
	Filename     string
	Size         int64 // bytes, as announced
	CreatedAt    time.Time
	Fingerprint  string     // of the file it was begun of (handlers/uploads, doc.go); empty where its client gave none
	Sender       string     // the random name by which who sends it now knows its file; empty: a plain tus client
	Image        *uuid.UUID // what came of it; nil as long as it is unfinished
}

const uploadColumns = `u.id, u.organization_id AS organization, p.name AS person, u.filename, u.size, u.created_at, u.fingerprint, u.sender, i.id AS image
	FROM uploads u JOIN people p ON p.id = u.person_id LEFT JOIN images i ON i.upload_id = u.id`

// Upload finds an upload of the organization, finished or not, and refuses with "not_found" where there is none.
func (db *DB) Upload(ctx context.Context, orgID uuid.UUID, id string) (Upload, error) {
	rows, _ := db.pool.Query(ctx, `SELECT `+uploadColumns+` WHERE u.organization_id = $1 AND u.id = $2`, orgID, id)
	return store.One(rows, "upload", pgx.RowToStructByName[Upload])
}

// Uploads lists the organization's unfinished uploads, the newest first.
func (db *DB) Uploads(ctx context.Context, orgID uuid.UUID) ([]Upload, error) {
	rows, _ := db.pool.Query(ctx, `SELECT `+uploadColumns+`
		WHERE u.organization_id = $1 AND u.finished_at IS NULL ORDER BY u.created_at DESC, u.id LIMIT $2`, orgID, MaxOpenUploads)
	list, err := pgx.CollectRows(rows, pgx.RowToStructByName[Upload])
	if err != nil {
		return nil, fmt.Errorf("read uploads of %s: %w", orgID, err)
	}
	return list, nil
}

// Announced is an unfinished upload of whomever.
type Announced struct {
	ID     string
	Size   int64     // bytes
	Person uuid.UUID // who began it
}

// AnnouncedUploads are all that are unfinished: what they lack still needs room.
func (db *DB) AnnouncedUploads(ctx context.Context) ([]Announced, error) {
	return announcedUploads(ctx, db.pool)
}

func announcedUploads(ctx context.Context, q store.Queryer) ([]Announced, error) {
	rows, _ := q.Query(ctx, `SELECT id, size, person_id AS person FROM uploads WHERE finished_at IS NULL`)
	return store.All(rows, "announced uploads", pgx.RowToStructByName[Announced])
}

// StaleUploads names unfinished uploads that were begun before a time, for the worker that discards their bytes.
func (db *DB) StaleUploads(ctx context.Context, before time.Time) ([]string, error) {
	rows, _ := db.pool.Query(ctx, `SELECT id FROM uploads WHERE finished_at IS NULL AND created_at < $1 ORDER BY created_at LIMIT 1000`, before)
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, fmt.Errorf("read stale uploads: %w", err)
	}
	return ids, nil
}

// UploadOfSender finds the unfinished upload that a person began for the organization under a sender's name: the answer to its
// creation may have been lost. Refuses with "not_found" where there is none.
func (db *DB) UploadOfSender(ctx context.Context, orgID, personID uuid.UUID, sender string) (Upload, error) {
	rows, _ := db.pool.Query(ctx, `SELECT `+uploadColumns+`
		WHERE u.organization_id = $1 AND u.person_id = $2 AND u.sender = $3 AND u.sender <> '' AND u.finished_at IS NULL ORDER BY u.created_at LIMIT 1`, orgID, personID, sender)
	return store.One(rows, "upload", pgx.RowToStructByName[Upload])
}

// TakeUpload notes under which sender's name an unfinished upload is sent from now on. It is called under the upload's lock.
func (db *DB) TakeUpload(ctx context.Context, id, sender string) error {
	if _, err := db.pool.Exec(ctx, `UPDATE uploads SET sender = $2 WHERE id = $1 AND finished_at IS NULL`, id, sender); err != nil {
		return fmt.Errorf("take upload %s: %w", id, err)
	}
	return nil
}
