package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"

	"volary.dev/store"
	"volary.dev/store/floors"
)

// jobTimeout bounds a job of any kind that does not say otherwise.
const jobTimeout = 10 * time.Minute

// rescueTick is how soon the jobs of a dead worker are found.
const rescueTick = 3 * time.Second

// Queue works the jobs that transactions asked for.
type Queue struct {
	core   *store.DB
	client *river.Client[pgx.Tx]
	log    *slog.Logger
}

// NewQueue makes a Queue that works up to n jobs at a time. It needs a pool of its own: River keeps connections for
// itself, and its jobs must not starve the loops.
func NewQueue(db *floors.All, pool *pgxpool.Pool, n int, log *slog.Logger, workers *river.Workers) (*Queue, error) {
	client, err := river.NewClient(riverpgxv5.New(pool), &river.Config{
		ID:         "volary-" + uuid.NewString(), // a process that died is another client than its successor
		Queues:     map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: n}},
		Workers:    workers,
		Logger:     log,
		JobTimeout: jobTimeout,
		Middleware: []rivertype.Middleware{river.WorkerMiddlewareFunc(giveBack)},
		// Only a net below RescueJobs, which knows at once that a worker died.
		RescueStuckJobsAfter: jobTimeout + time.Minute,
	})
	if err != nil {
		return nil, fmt.Errorf("job queue: %w", err)
	}
	return &Queue{core: db.Core, client: client, log: log}, nil
}

// giveBack makes a job that was cut short by the end of its worker available again at once, without using up an attempt.
func giveBack(ctx context.Context, _ *rivertype.JobRow, work func(context.Context) error) error {
	err := work(ctx)
	if err != nil && errors.Is(ctx.Err(), context.Canceled) {
		return river.JobSnooze(0)
	}
	return err
}

// Run works jobs until ctx ends. Those under way are told to end, and go on elsewhere.
func (q *Queue) Run(ctx context.Context) error {
	held := make(chan struct{}, 1)
	// The lock outlives ctx until the jobs under way have ended.
	alive, die := context.WithCancel(context.WithoutCancel(ctx))
	defer die()
	go func() { _ = q.core.HoldWorkerLock(alive, q.client.ID(), func() { poke(held) }) }()
	select {
	case <-ctx.Done():
		return nil
	case <-held:
	}
	if err := q.client.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("job queue: %w", err)
	}
	ticker := time.NewTicker(rescueTick)
	defer ticker.Stop()
	for {
		if n, err := q.core.RescueJobs(ctx); err != nil && ctx.Err() == nil {
			q.log.ErrorContext(ctx, "rescue jobs", "error", err)
		} else if n > 0 {
			q.log.InfoContext(ctx, "jobs of a dead worker rescued", "jobs", n)
		}
		select {
		case <-ctx.Done():
			return q.stop(ctx)
		case <-ticker.C:
		}
	}
}

func (q *Queue) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return q.client.StopAndCancel(ctx)
}
