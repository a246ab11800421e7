package jobs

import (
	"context"
	"errors"
	"sync"
	"time"

	"volary.dev/provisioner"
)

// dialTimeout bounds the opening of a connection: a host that drops packets must not hold a worker up.
const dialTimeout = 10 * time.Second

// Hosts keeps one open connection to each host, for all who need it. A connection on which a host did not answer is
// closed when its last user has let go of it, and the next use dials anew.
type Hosts struct {
	dial provisioner.Dial

	mu   sync.Mutex
	open map[provisioner.HostAddress]*connection
}

type connection struct {
	ready  chan struct{} // closed once dialled
	driver provisioner.Driver
	err    error
	users  int
	broken bool
}

// NewHosts makes a Hosts without connections.
func NewHosts(dial provisioner.Dial) *Hosts {
	return &Hosts{dial: dial, open: map[provisioner.HostAddress]*connection{}}
}

// With calls f with the host's driver. An ErrHostUnreachable of f breaks the connection for later calls.
func (h *Hosts) With(ctx context.Context, a provisioner.HostAddress, f func(provisioner.Driver) error) error {
	d, release, err := h.Acquire(ctx, a)
	if err != nil {
		return err
	}
	err = f(d)
	release(err)
	return err
}

// Acquire gives the host's driver until release is called with what came of its use.
func (h *Hosts) Acquire(ctx context.Context, a provisioner.HostAddress) (provisioner.Driver, func(error), error) {
	h.mu.Lock()
	c := h.open[a]
	if c == nil {
		c = &connection{ready: make(chan struct{})}
		h.open[a] = c
		go h.connect(ctx, a, c)
	}
	c.users++
	h.mu.Unlock()

	var err error
	select {
	case <-c.ready:
		err = c.err
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		h.release(a, c, err)
		return nil, nil, err
	}
	return c.driver, func(err error) { h.release(a, c, err) }, nil
}

// connect dials for everyone who waits, so it must not end with the first one's context.
func (h *Hosts) connect(ctx context.Context, a provisioner.HostAddress, c *connection) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), dialTimeout)
	defer cancel()
	c.driver, c.err = h.dial(ctx, a)
	if errors.Is(c.err, context.DeadlineExceeded) {
		c.err = provisioner.ErrHostUnreachable
	}
	if c.err != nil {
		h.mu.Lock()
		h.forget(a, c)
		h.mu.Unlock()
	}
	close(c.ready)
}

func (h *Hosts) release(a provisioner.HostAddress, c *connection, err error) {
	h.mu.Lock()
	c.users--
	if errors.Is(err, provisioner.ErrHostUnreachable) {
		h.forget(a, c)
	}
	unused := c.broken && c.users == 0
	h.mu.Unlock()
	if unused {
		c.close()
	}
}

// forget makes the next Acquire dial. It is called with mu held.
func (h *Hosts) forget(a provisioner.HostAddress, c *connection) {
	c.broken = true
	if h.open[a] == c {
		delete(h.open, a)
	}
}

// close waits for a dial under way: who gave up waiting may be the last user.
func (c *connection) close() {
	go func() {
		<-c.ready
		if c.driver != nil {
			_ = c.driver.Close() // it is broken already
		}
	}()
}

// Close closes every connection. Nobody may use the Hosts any more.
func (h *Hosts) Close() {
	h.mu.Lock()
	defer h.mu.Unlock()
	for a, c := range h.open {
		delete(h.open, a)
		<-c.ready
		if c.driver != nil {
			_ = c.driver.Close() // the process ends
		}
	}
}
