//go:build libvirt

package libvirt

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"time"

	"libvirt.org/go/libvirt"

	"volary.dev/provisioner"
)

const (
	// callsAtOnce is one less than what libvirtd serves of one connection: its keepalive is served like a call.
	callsAtOnce = 4
	// A host that says nothing for keepaliveSeconds x (keepaliveMisses + 1) is lost.
	keepaliveSeconds, keepaliveMisses = 5, 3
	probeLimit                        = 5 * time.Second
	firstBackoff, lastBackoff         = time.Second, 30 * time.Second
)

// line is one connection to a host that is opened when it is needed.
type line struct {
	uri, probe string
	opened     func() // told of each new connection

	mu      sync.Mutex
	now     *session
	opening chan struct{} // closed when whoever opens the session is done
	failed  error         // why the last attempt failed
	retryAt time.Time
	backoff time.Duration
	closed  bool
}

// session is one open connection. It is closed when it is retired and no call is on it: closing it under a call that is
// still in C would free what that call uses.
type session struct {
	conn    *libvirt.Connect
	slots   chan struct{}
	mu      sync.Mutex
	calls   int
	retired bool
}

func newLine(uri, probe string, opened func()) *line {
	return &line{uri: uri, probe: probe, opened: opened, backoff: firstBackoff}
}

// call runs f on the open connection, opening it first. op names the call in errors: "start node compute-001". Where the
// context ends first, f goes on alone: what it writes must not be read then.
func (l *line) call(ctx context.Context, op string, f func(*libvirt.Connect) error) error {
	return l.callThen(ctx, op, f, func() {})
}

// callThen is call, and runs after when f is over or will not begin: which may be long after callThen gave up waiting.
func (l *line) callThen(ctx context.Context, op string, f func(*libvirt.Connect) error, after func()) error {
	s, err := l.session(ctx)
	if err != nil {
		after()
		return fmt.Errorf("%s: %w", op, err)
	}
	select {
	case s.slots <- struct{}{}:
	case <-ctx.Done():
		s.done()
		after()
		return fmt.Errorf("%s: %w", op, gaveUp(ctx))
	}
	result := make(chan error, 1)
	go func() {
		err := f(s.conn)
		lost := isLost(s.conn, err)
		<-s.slots
		if lost {
			l.retire(s)
		}
		s.done()
		after()
		result <- translate(op, err, lost)
	}()
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			l.retire(s)
		}
		return fmt.Errorf("%s: %w", op, gaveUp(ctx))
	}
}

// gaveUp says why waiting ended: a host that is too slow for the caller's limit does not answer.
func gaveUp(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return fmt.Errorf("%w: %w", provisioner.ErrHostUnreachable, ctx.Err())
	}
	return ctx.Err()
}

// session gives the open session with a call counted on it, or opens one. One caller opens; the others wait for it.
func (l *line) session(ctx context.Context) (*session, error) {
	for {
		if err := ctx.Err(); err != nil {
			return nil, gaveUp(ctx)
		}
		l.mu.Lock()
		switch {
		case l.closed:
			l.mu.Unlock()
			return nil, fmt.Errorf("%w: the driver is closed", provisioner.ErrHostUnreachable)
		case l.now != nil:
			s := l.now
			s.begin()
			l.mu.Unlock()
			return s, nil
		case l.opening == nil && time.Now().Before(l.retryAt):
			err := l.failed
			l.mu.Unlock()
			return nil, err
		case l.opening == nil:
			l.opening = make(chan struct{})
			go l.open(l.opening)
		}
		wait := l.opening
		l.mu.Unlock()
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, gaveUp(ctx)
		}
	}
}

func (l *line) open(done chan struct{}) {
	conn, err := l.connect()
	l.mu.Lock()
	defer l.mu.Unlock()
	defer close(done)
	l.opening = nil
	if err != nil {
		l.failed = fmt.Errorf("%w: %w", provisioner.ErrHostUnreachable, err)
		l.retryAt = time.Now().Add(l.backoff)
		l.backoff = min(2*l.backoff, lastBackoff)
		return
	}
	l.backoff = firstBackoff
	s := &session{conn: conn, slots: make(chan struct{}, callsAtOnce)}
	if l.closed {
		s.retire()
		return
	}
	l.now = s
	l.opened()
}

func (l *line) connect() (*libvirt.Connect, error) {
	if err := startEvents(); err != nil {
		return nil, err
	}
	if l.probe != "" {
		c, err := net.DialTimeout("tcp", l.probe, probeLimit) //nolint:noctx // bounded by the limit
		if err != nil {
			return nil, err
		}
		c.Close()
	}
	conn, err := libvirt.NewConnect(l.uri)
	if err != nil {
		return nil, err
	}
	var e libvirt.Error
	if err := conn.SetKeepAlive(keepaliveSeconds, keepaliveMisses); err != nil && !(errors.As(err, &e) && e.Code == libvirt.ERR_NO_SUPPORT) {
		_, _ = conn.Close()
		return nil, err
	}
	return conn, nil
}

func (l *line) retire(s *session) {
	l.mu.Lock()
	if l.now == s {
		l.now = nil
	}
	l.mu.Unlock()
	s.retire()
}

func (l *line) close() {
	l.mu.Lock()
	l.closed = true
	s := l.now
	l.now = nil
	l.mu.Unlock()
	if s != nil {
		s.retire()
	}
}

func (s *session) begin() {
	s.mu.Lock()
	s.calls++
	s.mu.Unlock()
}

func (s *session) done() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls--
	s.closeIfIdle()
}

func (s *session) retire() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.retired = true
	s.closeIfIdle()
}

func (s *session) closeIfIdle() {
	if s.retired && s.calls == 0 && s.conn != nil {
		_, _ = s.conn.Close()
		s.conn = nil
	}
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
