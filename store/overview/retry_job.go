package overview

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
)

// RetryJob has a job that failed, or was cancelled, tried again now. providerID Nil is the platform: any job. Refusals:
// "job_state" where it waits, runs or is done already, NotFound("job").
func (db *DB) RetryJob(ctx context.Context, by, providerID uuid.UUID, id int64) error {
	return db.changeJob(ctx, by, providerID, id, "retry job", func(tx pgx.Tx, j aJob) error {
		state, err := j.change(ctx, tx, `SELECT retry_job($1)`)
		if store.UniqueViolation(err, "river_job_unique_idx") {
			return &refusal.Error{Code: "job_state", Title: "Another job for the same waits or runs already.", Next: "Look at the list again."}
		}
		if err != nil {
			return err
		}
		switch state {
		case "retryable", "discarded", "cancelled", "scheduled":
			return j.reopen(ctx, tx)
		default:
			return jobState(state, "can be asked for again when it has failed")
		}
	})
}
