package models

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"
	"volary.dev/store"
)

// ForgetUploads removes the uploads that were refused before a time, and names them. Their bytes went with the verdict: what a worker
// that died left of them may be removed now.
func (db *DB) ForgetUploads(ctx context.Context, before time.Time) ([]string, error) {
	rows, _ := db.pool.Query(ctx, `
		DELETE FROM uploads WHERE id IN (SELECT id FROM uploads WHERE state = 'refused' AND verified_at < $1 ORDER BY verified_at LIMIT 1000 FOR UPDATE SKIP LOCKED)
		RETURNING id`, before)
	return store.All(rows, "forgotten uploads", pgx.RowTo[string])
}
