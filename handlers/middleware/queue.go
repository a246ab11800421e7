package middleware

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/labstack/echo/v4"

	"volary.dev/provisioner/refusal"
)

// AtOnce bounds what runs at once of some routes.
type AtOnce struct {
	All      int // at once, of all people
	Each     int // of one sender
	Waiting  int // more, for one of these
	Patience time.Duration
}

// Queue lets All requests of its routes run at once; Waiting more wait for at most Patience, and any further one is refused
// with code "busy" at once. They wait here and not on database connections, of which the other routes then always find one. Routes
// that share a Queue share its places.
//
// Nobody takes all of it: one sender (key) has at most Each of the places, and where all wait that may, the newest of who has most
// waiting gives way to one who has less.
func Queue(p AtOnce, key func(echo.Context) string) echo.MiddlewareFunc {
	q := newQueue(p)
	busy := &refusal.Error{
		Code: "busy", Title: "Too many requests of this kind are being answered, and others wait.", Next: "Try again in a moment.",
	}
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			sender := key(c)
			switch ok, err := q.enter(c.Request().Context(), sender); {
			case err != nil:
				return err
			case !ok:
				return busy
			}
			defer q.leave(sender)
			return next(c)
		}
	}
}

type queue struct {
	AtOnce
	mu      sync.Mutex
	taken   int            // places
	running map[string]int // by sender; none is 0
	line    []*waiter      // the first to come first
}

type waiter struct {
	sender string
	told   chan bool // whether there is a place; holds one
}

func newQueue(p AtOnce) *queue { return &queue{AtOnce: p, running: map[string]int{}} }

// enter waits for a place, and tells whether there is one; it is given back by leave.
func (q *queue) enter(ctx context.Context, sender string) (ok bool, err error) {
	w := &waiter{sender: sender, told: make(chan bool, 1)}
	if !q.stand(w) {
		return false, nil
	}
	late := time.NewTimer(q.Patience)
	defer late.Stop()
	select {
	case ok := <-w.told:
		return ok, nil
	case <-late.C:
	case <-ctx.Done():
		err = ctx.Err()
	}
	if q.goAway(w) {
		return false, err
	}
	// It was told in this very moment.
	if ok = <-w.told; ok && err != nil {
		q.leave(sender)
		return false, err
	}
	return ok, nil
}

// stand puts one at the end of the line, if it may wait, and serves the line.
func (q *queue) stand(w *waiter) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.line = append(q.line, w)
	q.serve()
	if len(q.line) <= q.Waiting {
		return true
	}
	i := q.tooMany()
	out := q.line[i]
	q.line = slices.Delete(q.line, i, i+1)
	if out == w {
		return false
	}
	out.told <- false
	return true
}

// tooMany is the place in the line of who gives way: the newest of the sender with the most there, of several the one who came last.
func (q *queue) tooMany() int {
	count := map[string]int{}
	for _, w := range q.line {
		count[w.sender]++
	}
	out := len(q.line) - 1
	for i, w := range slices.Backward(q.line) {
		if count[w.sender] > count[q.line[out].sender] {
			out = i
		}
	}
	return out
}

func (q *queue) leave(sender string) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.taken--
	if q.running[sender]--; q.running[sender] == 0 {
		delete(q.running, sender)
	}
	q.serve()
}

// serve gives the places that are free to the first in the line who may have one.
func (q *queue) serve() {
	for q.taken < q.All {
		i := slices.IndexFunc(q.line, func(w *waiter) bool { return q.running[w.sender] < q.Each })
		if i < 0 {
			return
		}
		w := q.line[i]
		q.line = slices.Delete(q.line, i, i+1)
		q.taken++
		q.running[w.sender]++
		w.told <- true
	}
}

// goAway takes one out of the line, and tells whether it stood there.
func (q *queue) goAway(w *waiter) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	i := slices.Index(q.line, w)
	if i >= 0 {
		q.line = slices.Delete(q.line, i, i+1)
	}
	return i >= 0
}
