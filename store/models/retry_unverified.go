package models

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/store"
	"volary.dev/store/queue"
)

// RetryUnverified asks again for the verification of every image that stayed unverified, and counts them.
func (db *DB) RetryUnverified(ctx context.Context) (int, error) {
	var count int
	return count, db.core.Tx(ctx, func(tx pgx.Tx) error {
		rows, _ := tx.Query(ctx, `SELECT id FROM images WHERE state = 'unverified' ORDER BY created_at LIMIT 1000`)
		ids, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
		if err != nil {
			return fmt.Errorf("read unverified images: %w", err)
		}
		count = len(ids)
		for _, id := range ids {
			// A job that waits already makes this one superfluous; the queue drops it.
			if err := store.Enqueue(ctx, tx, queue.VerifyImage{ImageID: id}); err != nil {
				return fmt.Errorf("ask for verification of image %s: %w", id, err)
			}
		}
		return nil
	})
}
