package jobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivertype"

	"volary.dev/handlers/loops"
	"volary.dev/store"
	"volary.dev/store/floors"
	"volary.dev/store/queue"
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

// Places is how many jobs of each queue (queue.Names) one worker works at a time.
type Places map[string]int

// DefaultPlaces suit a worker with a few processors: mails and looks at tests are short, checks of hosts wait for those
// hosts, a verification takes a processor for itself, and a fetch a part of the line.
func DefaultPlaces() Places {
	return Places{queue.Mail: 4, queue.Verify: 2, queue.Fetch: 2, queue.Acceptance: 4, queue.Hosts: 4}
}

// ParsePlaces reads "mail=4,verify=2": queues and their numbers of places, 1 to 100. A queue that is left out keeps its
// default.
func ParsePlaces(s string) (Places, error) {
	p := DefaultPlaces()
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part == "" {
			continue
		}
		name, number, _ := strings.Cut(part, "=")
		n, err := strconv.Atoi(strings.TrimSpace(number))
		if name = strings.TrimSpace(name); p[name] == 0 || err != nil || n < 1 || n > 100 {
			return nil, fmt.Errorf("%q is not a queue (%s) and a number of 1 to 100, such as mail=4", part, strings.Join(queue.Names(), ", "))
		}
		p[name] = n
	}
	return p, nil
}

// QueueConnections is how many connections a Queue's pool needs: River's jobs hold none, but each queue fetches for itself,
// beside its listener, its leader and what it completes.
const QueueConnections = 10

// QueueOptions set a Queue up.
type QueueOptions struct {
	Places Places        // a queue that is missing here takes the default
	Look   time.Duration // how soon a job that comes back by itself is taken up again; 0 takes 500 ms
}

// NewQueue makes a Queue. It needs a pool of its own: River keeps connections for itself, and its jobs must not starve
// the loops.
func NewQueue(db *floors.All, pool *pgxpool.Pool, o QueueOptions, log *slog.Logger, workers *river.Workers) (*Queue, error) {
	queues := map[string]river.QueueConfig{}
	for name, places := range DefaultPlaces() {
		if n := o.Places[name]; n > 0 {
			places = n
		}
		queues[name] = river.QueueConfig{MaxWorkers: places}
	}
	look := cmp.Or(o.Look, 500*time.Millisecond)
	queues[queue.Acceptance] = river.QueueConfig{MaxWorkers: queues[queue.Acceptance].MaxWorkers, FetchPollInterval: look, FetchCooldown: min(look, river.FetchCooldownDefault)}
	client, err := river.NewClient(riverpgxv5.New(pool), &river.Config{
		ID:         "volary-" + uuid.NewString(), // a process that died is another client than its successor
		Queues:     queues,
		Workers:    workers,
		Logger:     log,
		JobTimeout: jobTimeout,
		Middleware: []rivertype.Middleware{river.WorkerMiddlewareFunc(giveBack)},
		// Only a net below RescueJobs, which knows at once that a worker died.
		RescueStuckJobsAfter: jobTimeout + time.Minute,
		// To build an index anew is its owner's right, which a worker has not; so few jobs leave no bloat worth it.
		ReindexerSchedule: river.NeverSchedule(),
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
	go func() { _ = q.core.HoldWorkerLock(alive, q.client.ID(), func() { loops.Poke(held) }) }()
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
