//go:build libvirt

package libvirt

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"libvirt.org/go/libvirt"

	"volary.dev/provisioner"
)

const (
	// A host that says nothing for keepaliveSeconds x (keepaliveMisses + 1) is lost.
	keepaliveSeconds, keepaliveMisses = 5, 3
	// A connection on which a call took so long is not used again: libvirt's client may have pinged the host meanwhile, and
	// what that leaves behind kills the next call.
	slow = (keepaliveSeconds - 1) * time.Second

	// How many calls run at once, and how many uploads, and how many consoles are looked at.
	callsAtOnce, uploadsAtOnce, consolesAtOnce = 4, 2, 64
	// agentsAtOnce is how many guests' agents are spoken to at once. Each call takes one of libvirtd's twenty threads for as long as
	// the guest likes, up to twice agentPatience, and a host has a few workers.
	agentsAtOnce = 3
	// mostOwed is how many calls may be left behind by their callers before new ones wait for those.
	mostOwed = 8
	// keptIdle is how many connections are kept while nobody calls.
	keptIdle = 2

	firstBackoff, lastBackoff = time.Second, 30 * time.Second
)

// line is the way to a host: connections that are opened when they are needed, and one call at a time on each.
type line struct {
	uri, probe string
	opened     func() // told of the first connection, and of the first after one was lost
	meet       func(*libvirt.Connect) error
	bar        func(context.Context) error // why no call may be made now
	slots      chan struct{}               // one for each call that is not left behind
	mostOwed   int                         // calls that may be left behind

	mu      sync.Mutex
	idle    []*libvirt.Connect
	owed    int  // calls that were left behind
	lost    bool // since the last opening
	failed  error
	retryAt time.Time // of an opening, after one failed
	backoff time.Duration
	closed  bool
}

func newLine(uri, probe string, atOnce int, opened func()) *line {
	return &line{
		uri: uri, probe: probe, opened: opened, slots: make(chan struct{}, atOnce), mostOwed: mostOwed, lost: true, backoff: firstBackoff,
		meet: func(*libvirt.Connect) error { return nil }, bar: func(context.Context) error { return nil },
	}
}

// call runs f on a connection of its own, opening one where none is idle. op names the call in errors: "start node
// compute-001". Where the context ends first, f goes on alone: what it writes must not be read then.
func (l *line) call(ctx context.Context, op string, f func(*libvirt.Connect) error) error {
	return l.callThen(ctx, op, f, func() {})
}

// callThen is call, and runs after when f is over or will not begin: which may be long after callThen gave up waiting.
func (l *line) callThen(ctx context.Context, op string, f func(*libvirt.Connect) error, after func()) error {
	return l.run(ctx, op, after, func(e *errand) error {
		err := f(e.conn)
		e.end(err)
		return err
	})
}

// keep is call, but where f succeeds the connection stays its own until it calls release.
func (l *line) keep(ctx context.Context, op string, f func(conn *libvirt.Connect, release func()) error) error {
	return l.run(ctx, op, func() {}, func(e *errand) error {
		err := f(e.conn, func() { e.end(nil) })
		if err != nil {
			e.end(err)
		}
		return err
	})
}

func (l *line) run(ctx context.Context, op string, after func(), f func(*errand) error) error {
	if ctx.Err() != nil {
		after()
		return fmt.Errorf("%s: %w", op, gaveUp(ctx))
	}
	if err := l.bar(ctx); err != nil {
		after()
		return fmt.Errorf("%s: %w", op, err)
	}
	select {
	case l.slots <- struct{}{}:
	case <-ctx.Done():
		after()
		return fmt.Errorf("%s: %w", op, gaveUp(ctx))
	}
	e := &errand{line: l}
	result := make(chan error, 1)
	go func() {
		err := e.begin()
		if err != nil {
			e.leave()
			err = fmt.Errorf("%s: %w", op, err)
		} else if err = f(e); err != nil {
			err = translate(op, err, e.isLost)
		}
		after()
		result <- err
	}()
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			e.leaveBehind()
		}
		return fmt.Errorf("%s: %w", op, gaveUp(ctx))
	}
}

// gaveUp says why waiting ended: a host that is too slow for the caller's limit does not answer.
func gaveUp(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return &provisioner.Unreached{Kind: provisioner.ErrHostUnreachable, Cause: ctx.Err()}
	}
	return ctx.Err()
}

// errand is one call with the connection that it has for itself.
type errand struct {
	line   *line
	conn   *libvirt.Connect
	begun  time.Time
	isLost bool // only after its end

	// Under the line's mu.
	behind, over bool
}

// begin takes an idle connection, or opens one: which can take as long as any call where the host hangs.
func (e *errand) begin() error {
	conn, err := e.line.take()
	if err != nil {
		return err
	}
	e.conn, e.begun = conn, time.Now()
	return nil
}

// end gives the connection back, or closes it where it is lost, was slow or is one too many.
func (e *errand) end(err error) {
	e.isLost = isLost(e.conn, err)
	l := e.line
	l.mu.Lock()
	spare := !e.isLost && !l.closed && time.Since(e.begun) < slow && len(l.idle) < min(keptIdle, cap(l.slots)-1)
	if spare {
		l.idle = append(l.idle, e.conn)
	}
	var others []*libvirt.Connect
	if e.isLost {
		// What took this one took the others.
		l.lost, others, l.idle = true, l.idle, nil
	}
	l.mu.Unlock()
	if spare {
		e.leave()
		return
	}
	// To close is a call as well, and may take as long: the slot is taken until it is over.
	go func() {
		for _, c := range append(others, e.conn) {
			_, _ = c.Close()
		}
		e.leave()
	}()
}

// leave frees the slot.
func (e *errand) leave() {
	e.line.mu.Lock()
	defer e.line.mu.Unlock()
	e.over = true
	if e.behind {
		e.line.owed--
		return
	}
	<-e.line.slots
}

// leaveBehind frees the slot of a call that is not over, for nobody waits for it any more: what a host owes must not keep
// others from asking, up to a limit.
func (e *errand) leaveBehind() {
	e.line.mu.Lock()
	defer e.line.mu.Unlock()
	if e.over || e.line.owed == e.line.mostOwed {
		return
	}
	e.behind = true
	e.line.owed++
	<-e.line.slots
}

// take gives an idle connection that lives, or opens one unless that failed a moment ago.
func (l *line) take() (*libvirt.Connect, error) {
	for {
		l.mu.Lock()
		n := len(l.idle)
		switch {
		case l.closed:
			l.mu.Unlock()
			return nil, fmt.Errorf("%w: the driver is closed", provisioner.ErrHostUnreachable)
		case n == 0 && time.Now().Before(l.retryAt):
			err := l.failed
			l.mu.Unlock()
			return nil, err
		case n == 0:
			l.mu.Unlock()
			return l.open()
		}
		conn := l.idle[n-1]
		l.idle = l.idle[:n-1]
		l.mu.Unlock()
		if alive, err := conn.IsAlive(); alive && err == nil {
			return conn, nil
		}
		l.mu.Lock()
		l.lost = true
		l.mu.Unlock()
		go conn.Close()
	}
}

func (l *line) open() (*libvirt.Connect, error) {
	conn, err := l.connect()
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.lost = true
		if l.failed = err; !errors.Is(err, provisioner.ErrHostUnreachable) && !errors.Is(err, provisioner.ErrAnotherMachine) {
			l.failed = &provisioner.Unreached{Kind: provisioner.ErrHostUnreachable, Cause: err}
		}
		// Several may have tried at once: that is one failure.
		if now := time.Now(); now.After(l.retryAt) {
			l.retryAt = now.Add(l.backoff)
			l.backoff = min(2*l.backoff, lastBackoff)
		}
		return nil, l.failed
	}
	l.backoff = firstBackoff
	if l.lost {
		l.lost = false
		l.opened()
	}
	return conn, nil
}

func (l *line) connect() (*libvirt.Connect, error) {
	if err := startEvents(); err != nil {
		return nil, err
	}
	conn, err := l.openChecked()
	if err != nil {
		return nil, err
	}
	var e libvirt.Error
	if err := conn.SetKeepAlive(keepaliveSeconds, keepaliveMisses); err != nil && !(errors.As(err, &e) && e.Code == libvirt.ERR_NO_SUPPORT) {
		_, _ = conn.Close()
		return nil, err
	}
	if err := l.meet(conn); err != nil {
		_, _ = conn.Close()
		return nil, err
	}
	return conn, nil
}

// openChecked opens a connection to an address that a host can have. libvirt resolves names itself: it gets the address
// that was looked at where the name is needed for nothing else, and else the name is looked at once more afterwards. What
// libvirt has to say of somebody who is not a host by then is no more than that it is no libvirt.
func (l *line) openChecked() (*libvirt.Connect, error) {
	if l.probe == "" {
		return libvirt.NewConnect(l.uri)
	}
	peer, err := reach(l.probe)
	if err != nil {
		return nil, err
	}
	conn, err := libvirt.NewConnect(at(l.uri, peer))
	if err != nil {
		return nil, notConnected(err)
	}
	if err := stillThere(l.probe); err != nil {
		_, _ = conn.Close()
		return nil, err
	}
	return conn, nil
}

// stillThere looks at a name's addresses once more.
func stillThere(hostPort string) error {
	ctx, cancel := context.WithTimeout(context.Background(), probeLimit)
	defer cancel()
	_, err := places(ctx, hostPort)
	return err
}

// close closes what is idle, and the others when their calls are over.
func (l *line) close() {
	l.mu.Lock()
	idle := l.idle
	l.closed, l.idle = true, nil
	l.mu.Unlock()
	go func() {
		for _, c := range idle {
			_, _ = c.Close()
		}
	}()
}

// events is libvirt's own event loop, of which it has one in a process; without it there is neither a keepalive nor a
// console.
var events sync.Once

func startEvents() error {
	var err error
	events.Do(func() {
		if err = libvirt.EventRegisterDefaultImpl(); err != nil {
			return
		}
		// The loop sleeps until there is something to do and never ends; it needs a timer, or it would not wake for
		// what is added while it waits for nothing.
		if _, err = libvirt.EventAddTimeout(1000, func(int) {}); err != nil {
			return
		}
		go func() {
			for {
				if libvirt.EventRunDefaultImpl() != nil {
					return
				}
			}
		}()
	})
	return err
}
