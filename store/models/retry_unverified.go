package models

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
	"volary.dev/store/queue"
)

// RetryUnverified asks again for the verification of every upload that stayed unverified, and counts them.
func (db *DB) RetryUnverified(ctx context.Context) (int, error) {
	var count int
	return count, db.core.Tx(ctx, func(tx pgx.Tx) error {
		rows, _ := tx.Query(ctx, `SELECT id::uuid FROM uploads WHERE state = 'unverified' ORDER BY created_at LIMIT 1000`)
		ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		if err != nil {
			return fmt.Errorf("read unverified uploads: %w", err)
		}
		count = len(ids)
		for _, id := range ids {
			// A job that waits already makes this one superfluous; the queue drops it.
			if err := store.Enqueue(ctx, tx, queue.VerifyUpload{UploadID: id}); err != nil {
				return fmt.Errorf("ask for verification of upload %s: %w", id, err)
			}
		}
		return nil
	})
}
