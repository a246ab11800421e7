package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/jackc/pgx/v5"
)

// workerLock is the advisory lock that a worker's connection holds while it lives. PostgreSQL lets go of it the moment
// the process dies, which is sooner than any timeout could be sure of.
const workerLock = `hashtextextended('volary worker ' || $1, 0)`

// HoldWorkerLock tells other workers, until ctx ends, that the job client of this name lives. held is called once
// the lock is there, and again each time it had to be taken anew after the connection was lost.
func (db *DB) HoldWorkerLock(ctx context.Context, client string, held func()) error {
	for {
		err := db.holdWorkerLock(ctx, client, held)
		if ctx.Err() != nil {
			return nil //nolint:nilerr // ended as asked
		}
		db.log.ErrorContext(ctx, "worker lock lost", slog.String("client", client), slog.Any("error", err))
		pause := time.NewTimer(time.Second)
		select {
		case <-ctx.Done():
			pause.Stop()
			return nil
		case <-pause.C:
		}
	}
}

func (db *DB) holdWorkerLock(ctx context.Context, client string, held func()) error {
	// A connection of its own: the lock belongs to the connection, and the pool would hand it to others.
	c, err := pgx.ConnectConfig(ctx, db.pool.Config().ConnConfig.Copy())
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_ = c.Close(closing)
	}()
	if _, err := c.Exec(ctx, `SELECT pg_advisory_lock(`+workerLock+`)`, client); err != nil {
		return err
	}
	held()
	// Nothing is sent on this connection: the wait ends with the connection or the context.
	_, err = c.WaitForNotification(ctx)
	return err
}

// RescueJobs makes the running jobs of dead workers available at once, and returns how many. River's own rescue waits
// for longer than any job may take. A job that has used up its attempts is discarded, so that one which kills its
// worker does not do so for ever.
func (db *DB) RescueJobs(ctx context.Context) (int, error) {
	rows, err := db.pool.Query(ctx, `
		SELECT DISTINCT attempted_by[array_upper(attempted_by, 1)] FROM river_job
		 WHERE state = 'running' AND attempted_by IS NOT NULL`)
	if err != nil {
		return 0, fmt.Errorf("rescue jobs: %w", err)
	}
	clients, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return 0, fmt.Errorf("rescue jobs: %w", err)
	}
	rescued := 0
	var failed []error
	for _, client := range clients {
		n, err := db.rescueJobsOf(ctx, client)
		rescued += n
		failed = append(failed, err)
	}
	return rescued, errors.Join(failed...)
}

func (db *DB) rescueJobsOf(ctx context.Context, client string) (n int, err error) {
	return n, db.Tx(ctx, func(tx pgx.Tx) error {
		var dead bool
		if err := tx.QueryRow(ctx, `SELECT pg_try_advisory_xact_lock(`+workerLock+`)`, client).Scan(&dead); err != nil || !dead {
			return err
		}
		tag, err := tx.Exec(ctx, `
			UPDATE river_job
			   SET state = CASE WHEN attempt < max_attempts THEN 'available' ELSE 'discarded' END::river_job_state,
			       scheduled_at = now(), finalized_at = CASE WHEN attempt < max_attempts THEN NULL ELSE now() END,
			       errors = array_append(errors, jsonb_build_object('at', now(), 'attempt', attempt, 'error', 'its worker died', 'trace', ''))
			 WHERE state = 'running' AND attempted_by[array_upper(attempted_by, 1)] = $1`, client)
		n = int(tag.RowsAffected())
		return err
	})
}
