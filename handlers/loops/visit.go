package loops

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/provisioner/reconcile"
	"volary.dev/store/machines"
)

// From putOff on a visit gives its cluster back instead of waiting, and lastGrace is how long the end of a visit
// waits for what is under way.
const (
	putOff    = 3 * time.Second
	lastGrace = 10 * time.Second
)

// visit has one cluster under its claim, from taking it up to giving it back. Only its own goroutine touches its
// fields; actions run beside it and report through results.
type visit struct {
	*Reconciler
	id   uuid.UUID
	log  *slog.Logger
	news chan struct{} // what is wanted may have changed

	work     machines.ClusterWork
	read     time.Time // when work.Now was, by our own clock
	seen     reconcile.Observed
	evidence map[uuid.UUID]machines.Evidence
	polled   map[uuid.UUID]time.Time // by host
	// searched is the mark up to which a node's console was searched for its gate's text since its start; a visit that
	// takes over begins at the mark that is kept in its row.
	searched map[uuid.UUID]string
	looks    map[uuid.UUID]int  // at the gates of a host's nodes
	asked    map[uuid.UUID]bool // it is in the log that a node's agent let a gate's question wait
	epoch    int                // grows when something else is wanted
	flight   map[reconcile.Action]flying
	results  chan result
	over     chan struct{} // closed when nobody takes results any more
}

// flying is an action under way.
type flying struct {
	cancel context.CancelFunc
	epoch  int
}

// result is what came of an action. apply, nil where it failed, writes down what was seen.
type result struct {
	action reconcile.Action
	err    error
	apply  func(*visit)
}

func newVisit(r *Reconciler, id uuid.UUID) *visit {
	return &visit{
		Reconciler: r, id: id, log: r.Log.With("cluster", id), news: make(chan struct{}, 1),
		seen: reconcile.NewObserved(), evidence: map[uuid.UUID]machines.Evidence{}, polled: map[uuid.UUID]time.Time{},
		searched: map[uuid.UUID]string{}, looks: map[uuid.UUID]int{}, asked: map[uuid.UUID]bool{},
		flight: map[reconcile.Action]flying{}, results: make(chan result), over: make(chan struct{}),
	}
}

// verdict is how a visit ends.
type verdict struct {
	reconciled int64         // the generation that was reached; 0: none
	retryAfter time.Duration // for another attempt
}

// run works on the cluster until it is as wanted, has to wait for long, or belongs to another worker.
func (s *visit) run(ctx context.Context) {
	ctx, lose := context.WithCancel(ctx)
	defer lose()
	defer close(s.over)
	go s.keep(ctx, lose)
	v, err := s.reconcile(ctx)
	lost := ctx.Err()
	if !s.drain(lastGrace) {
		// A host still owes an answer. The claim runs out by itself, which leaves the host some more time.
		s.log.WarnContext(ctx, "left an action under way")
		return
	}
	if err != nil && lost == nil {
		s.log.ErrorContext(ctx, "reconcile", "error", err)
		v.retryAfter = reconcile.Backoff(s.work.Attempts + 2)
	}
	// The claim is given back even where the worker stops: another one need not wait for its end.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := s.Machines.ReleaseClaim(ctx, s.id, s.Worker, v.reconciled, v.retryAfter); err != nil {
		s.log.ErrorContext(ctx, "give claim back", "error", err)
	}
}

// keep prolongs the claim, and ends the visit when another worker has taken the cluster over.
func (s *visit) keep(ctx context.Context, lose func()) {
	ticker := time.NewTicker(s.ClaimTTL / 3)
	defer ticker.Stop()
	until := time.Now().Add(s.ClaimTTL)
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
		sent := time.Now()
		mine, err := s.Machines.KeepClaim(ctx, s.id, s.Worker, s.ClaimTTL)
		switch {
		case err == nil && mine:
			until = sent.Add(s.ClaimTTL)
			Poke(s.news) // a look at the hosts' and nodes' rows as often as this is cheap
		case err == nil || time.Now().After(until):
			// Without an answer in time the claim has run out, whatever the database says later.
			s.log.WarnContext(ctx, "claim lost", "error", err)
			lose()
			return
		}
	}
}

// reconcile is the loop: decide, begin what can be begun, wait for something to happen.
func (s *visit) reconcile(ctx context.Context) (verdict, error) {
	if err := s.load(ctx); err != nil {
		return verdict{}, err
	}
	for ctx.Err() == nil {
		actions := reconcile.Step(s.cluster(), s.seen, s.now())
		first := actions[0]
		switch {
		case first.Kind == reconcile.Settled && len(s.flight) == 0:
			return verdict{reconciled: s.work.Generation}, nil
		case first.Kind == reconcile.Wait && len(s.flight) == 0 && first.Until.Sub(s.now()) > putOff:
			return verdict{retryAfter: first.Until.Sub(s.now())}, nil
		case first.Records() && !first.Urgent() && len(s.flight) > 0:
			// What is under way may change the answer.
			s.learn(<-s.results)
			continue
		case first.Records():
			if err := s.record(ctx, first); err != nil {
				return verdict{}, err
			}
			continue
		}
		s.begin(ctx, actions)
		if err := s.await(ctx, actions); err != nil {
			return verdict{}, err
		}
	}
	return verdict{}, nil
}

// begin performs the actions that are not under way yet, each in a goroutine of its own.
func (s *visit) begin(ctx context.Context, actions []reconcile.Action) {
	for _, a := range actions {
		if _, under := s.flight[a]; under || a.Kind == reconcile.Wait || a.Kind == reconcile.Settled || s.owes(a.Host) {
			continue
		}
		// An action outlives the visit's end: a call that a host has begun is waited for, so that no one else acts
		// on what it is still about to make. Only looking and copying images is cut short.
		run, cancel := context.WithTimeout(context.WithoutCancel(ctx), actionTimeout(a.Kind))
		s.flight[a] = flying{cancel, s.epoch}
		do := s.prepare(a)
		go func() {
			apply, err := do(run)
			select {
			case s.results <- result{a, err, apply}:
			case <-s.over:
			}
		}()
	}
}

// owes tells whether the host still works on what was wanted before: a node must not be deleted while it is made.
func (s *visit) owes(host uuid.UUID) bool {
	for a, f := range s.flight {
		if a.Host == host && f.epoch != s.epoch {
			return true
		}
	}
	return false
}

// supersede begins a new epoch: something else is wanted. Looking and copying images is cut short; what changes a host is
// let come to its end, and forgotten.
func (s *visit) supersede() {
	s.epoch++
	for a, f := range s.flight {
		switch a.Kind {
		case reconcile.EnsureImage, reconcile.WatchGates, reconcile.Observe:
			f.cancel()
		default: // changes a host
		}
	}
}

// await returns when Step has to be asked again.
func (s *visit) await(ctx context.Context, actions []reconcile.Action) error {
	wake := make(<-chan time.Time)
	if first := actions[0]; first.Kind == reconcile.Wait {
		timer := time.NewTimer(first.Until.Sub(s.now()))
		defer timer.Stop()
		wake = timer.C
	}
	select {
	case <-ctx.Done():
		return nil
	case <-wake:
		return nil
	case r := <-s.results:
		s.learn(r)
		return nil
	case <-s.news:
		return s.reload(ctx)
	}
}

// learn writes down what came of an action.
func (s *visit) learn(r result) {
	f := s.flight[r.action]
	f.cancel()
	delete(s.flight, r.action)
	if f.epoch != s.epoch {
		return
	}
	if r.err == nil {
		delete(s.seen.Failures, r.action)
		r.apply(s)
		return
	}
	if errors.Is(r.err, context.Canceled) {
		return // cut short by ourselves
	}
	fault, words := whose(r.err), r.err.Error()
	if own := (ownError{}); fault == reconcile.FaultOurs && errors.As(r.err, &own) {
		words = "Volary could not do its own part" // what a database says is for the log
	}
	again := s.seen.Failures[r.action].After(s.now(), fault, words)
	s.seen.Failures[r.action] = again
	s.log.Warn("action failed", "action", r.action.Kind, "host", r.action.Host, "node", r.action.Node, "fault", again.Fault,
		"count", again.Count, "error", provisioner.Cause(r.err))
}

// load reads the cluster.
func (s *visit) load(ctx context.Context) error {
	before := time.Now()
	work, err := s.Machines.ClusterForReconcile(ctx, s.id)
	if err != nil {
		return err
	}
	s.work, s.read = work, before
	return nil
}

// reload reads the cluster again. Where something else is wanted now, everything seen of machines is forgotten; images
// stay where they are.
func (s *visit) reload(ctx context.Context) error {
	generation := s.work.Generation
	if err := s.load(ctx); err != nil {
		return err
	}
	if s.work.Generation != generation {
		s.supersede()
		images := s.seen.Images
		s.seen = reconcile.NewObserved()
		maps.Copy(s.seen.Images, images)
	}
	return nil
}

// drain waits for every action under way, and tells whether all came to their end.
func (s *visit) drain(limit time.Duration) bool {
	s.supersede()
	timer := time.NewTimer(limit)
	defer timer.Stop()
	for len(s.flight) > 0 {
		select {
		case r := <-s.results:
			s.learn(r)
		case <-timer.C:
			return false
		}
	}
	return true
}

// now is the database's time: deadlines are its, and clocks differ.
func (s *visit) now() time.Time { return s.work.Now.Add(time.Since(s.read)) }
