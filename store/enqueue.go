package store

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
)

// job is what package queue's arguments are: they say themselves how they are queued.
type job interface {
	river.JobArgs
	river.JobArgsWithInsertOpts
}

// Enqueue asks for jobs in the transaction that wants them; one for whose subject a job of its kind waits or runs already
// is dropped. The database's function enqueue knows the kinds, and is the only way into the queue: web has no other.
func Enqueue[J job](ctx context.Context, tx pgx.Tx, jobs ...J) error {
	batch := &pgx.Batch{}
	for _, j := range jobs {
		args, err := json.Marshal(j)
		if err != nil {
			return fmt.Errorf("queue %s: %w", j.Kind(), err)
		}
		o := j.InsertOpts()
		batch.Queue(`SELECT enqueue($1, $2, $3, $4, $5, $6)`,
			j.Kind(), args, cmp.Or(o.Queue, river.QueueDefault), cmp.Or(o.Priority, river.PriorityDefault),
			cmp.Or(o.MaxAttempts, river.MaxAttemptsDefault), OrNoTime(o.ScheduledAt))
	}
	if batch.Len() == 0 {
		return nil
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("queue %d of %s: %w", batch.Len(), jobs[0].Kind(), err)
	}
	return nil
}
