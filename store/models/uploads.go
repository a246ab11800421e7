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
	Image        *uuid.UUID // what came of it; nil as long as it is unfinished
}

const uploadColumns = `u.id, u.organization_id AS organization, p.name AS person, u.filename, u.size, u.created_at, i.id AS image
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
	ID   string
	Size int64 // bytes
}

// AnnouncedUploads are all that are unfinished: what they lack still needs room.
func (db *DB) AnnouncedUploads(ctx context.Context) ([]Announced, error) {
	rows, _ := db.pool.Query(ctx, `SELECT id, size FROM uploads WHERE finished_at IS NULL`)
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

// DeleteUpload forgets an unfinished upload and tells whether there was one. Only then may its bytes be removed:
// those of a finished one belong to its image.
func (db *DB) DeleteUpload(ctx context.Context, id string) (bool, error) {
	tag, err := db.pool.Exec(ctx, `DELETE FROM uploads WHERE id = $1 AND finished_at IS NULL`, id)
	if err != nil {
		return false, fmt.Errorf("delete upload %s: %w", id, err)
	}
	return tag.RowsAffected() == 1, nil
}
