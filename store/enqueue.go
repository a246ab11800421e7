package store

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
)

// Enqueue has jobs worked (handlers/jobs), if and only if the caller's transaction commits.
func (db *DB) Enqueue(ctx context.Context, tx pgx.Tx, jobs ...river.JobArgs) error {
	wanted := make([]river.InsertManyParams, len(jobs))
	for i, j := range jobs {
		wanted[i].Args = j
	}
	if _, err := db.queue.InsertManyTx(ctx, tx, wanted); err != nil {
		return fmt.Errorf("enqueue %s: %w", Plural(len(jobs), "job"), err)
	}
	return nil
}

// RetryJob makes a job that has ended, or waits for its next try, available now. One that is gone is
// river.ErrNotFound.
func (db *DB) RetryJob(ctx context.Context, tx pgx.Tx, id int64) error {
	_, err := db.queue.JobRetryTx(ctx, tx, id)
	return err
}

// CancelJob ends a job: at once where it waits, soon where it runs. One that is gone is river.ErrNotFound.
func (db *DB) CancelJob(ctx context.Context, tx pgx.Tx, id int64) error {
	_, err := db.queue.JobCancelTx(ctx, tx, id)
	return err
}
