package loops

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"volary.dev/store"
	"volary.dev/store/books"
	"volary.dev/store/machines"
	"volary.dev/store/models"
)

// Engine is what the loops and jobs share: the database, the hosts, the images, and the worker's name in claims.
type Engine struct {
	Core      *store.DB
	Books     *books.DB
	Models    *models.DB
	Machines  *machines.DB
	Hosts     *Hosts
	OpenImage func(ctx context.Context, digest string) (io.ReadCloser, error) // a canonical image, by digest
	// ImageLost is told that an image's bytes were not there, or were others (whole: only reading all of them tells); nil: nobody is.
	ImageLost func(ctx context.Context, digest string, whole bool)
	Worker    string
	Log       *slog.Logger
}

// Reconciler takes up clusters and brings each to what is wanted of it, many at a time.
type Reconciler struct {
	Engine
	ClaimTTL time.Duration // how long a dead worker's cluster waits for another one; 0 takes 6 s
	Poll     time.Duration // between two looks at guests that boot or power off; 0 takes 250 ms
	Tick     time.Duration // how soon work is found whose notification was missed, or whose pause is over; 0 takes 1 s
	Clusters int           // at a time; 0 takes 32

	mu     sync.Mutex
	visits map[uuid.UUID]*visit
	images flights
}

// Run reconciles until ctx ends, then lets what is under way come to its next safe point and gives its claims back.
func (r *Reconciler) Run(ctx context.Context) error {
	r.ClaimTTL, r.Poll = cmp.Or(r.ClaimTTL, 6*time.Second), cmp.Or(r.Poll, 250*time.Millisecond)
	r.Tick, r.Clusters = cmp.Or(r.Tick, time.Second), cmp.Or(r.Clusters, 32)
	r.visits = map[uuid.UUID]*visit{}
	wake := make(chan struct{}, 1)
	var all sync.WaitGroup
	defer all.Wait()
	all.Go(func() { r.listen(ctx, wake) })
	ticker := time.NewTicker(r.Tick)
	defer ticker.Stop()
	for {
		if err := r.takeUp(ctx, &all, wake); err != nil && ctx.Err() == nil {
			r.Log.ErrorContext(ctx, "claim clusters", "error", err)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-wake:
		case <-ticker.C:
		}
	}
}

// listen wakes the loop, or the visit that has the cluster already.
func (r *Reconciler) listen(ctx context.Context, wake chan<- struct{}) {
	err := r.Core.ListenWork(ctx, func(id uuid.UUID) {
		r.mu.Lock()
		s := r.visits[id]
		r.mu.Unlock()
		if s != nil {
			Poke(s.news)
			return
		}
		Poke(wake)
	})
	if err != nil && ctx.Err() == nil {
		r.Log.ErrorContext(ctx, "listen for work: only ticks find it now", "error", err)
	}
}

// takeUp claims as many clusters as there is room for, and begins a visit for each.
func (r *Reconciler) takeUp(ctx context.Context, all *sync.WaitGroup, wake chan<- struct{}) error {
	r.mu.Lock()
	room := r.Clusters - len(r.visits)
	r.mu.Unlock()
	if room <= 0 || ctx.Err() != nil {
		return ctx.Err()
	}
	ids, err := r.Machines.ClaimClusters(ctx, r.Worker, room, r.ClaimTTL)
	if err != nil {
		return err
	}
	for _, id := range ids {
		s := newVisit(r, id)
		r.mu.Lock()
		_, twice := r.visits[id]
		if !twice {
			r.visits[id] = s
		}
		r.mu.Unlock()
		if twice {
			// Our own claim ran out and was taken by ourselves: the visit that has it goes on under it.
			continue
		}
		all.Go(func() {
			s.run(ctx)
			r.mu.Lock()
			delete(r.visits, id)
			r.mu.Unlock()
			Poke(wake) // what changed while the claim was given back must not wait for a tick
		})
	}
	return nil
}

// Poke wakes who waits for c, if nobody has yet.
func Poke(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
