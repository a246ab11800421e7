package loops

import (
	"context"
	"errors"
	"sync"
	"time"

	"volary.dev/provisioner"
)

// dialTimeout bounds the opening of a connection: a host that drops packets must not hold a worker up.
const dialTimeout = 10 * time.Second

// keepUnused is how long the driver of a host that nobody asks is kept: its claim may have gone to another worker.
const keepUnused = 5 * time.Minute

// Hosts keeps one driver of each host, for all who need it. A driver finds back to its host by itself, so one that got no
// answer is kept: who has a console on it, or a slow call, loses nothing by another's impatience.
type Hosts struct {
	dial       provisioner.Dial
	keepUnused time.Duration

	mu   sync.Mutex
	open map[provisioner.HostAddress]*connection
}

type connection struct {
	ready  chan struct{} // closed once dialled
	driver provisioner.Driver
	err    error
	users  int
	unused *time.Timer // closes it; nil while it has users
}

// NewHosts makes a Hosts without connections.
func NewHosts(dial provisioner.Dial) *Hosts {
	return &Hosts{dial: dial, keepUnused: keepUnused, open: map[provisioner.HostAddress]*connection{}}
}

// With calls f with the host's driver.
func (h *Hosts) With(ctx context.Context, a provisioner.HostAddress, f func(provisioner.Driver) error) error {
	d, release, err := h.Acquire(ctx, a)
	if err != nil {
		return err
	}
	defer release()
	return f(d)
}

// Acquire gives the host's driver until release is called.
func (h *Hosts) Acquire(ctx context.Context, a provisioner.HostAddress) (provisioner.Driver, func(), error) {
	c := h.connection(ctx, a)
	var err error
	select {
	case <-c.ready:
		err = c.err
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		h.release(a, c)
		return nil, nil, err
	}
	return c.driver, func() { h.release(a, c) }, nil
}

// connection gives the host's, with a user counted on it.
func (h *Hosts) connection(ctx context.Context, a provisioner.HostAddress) *connection {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.open[a]
	if c == nil {
		c = &connection{ready: make(chan struct{})}
		h.open[a] = c
		go h.connect(ctx, a, c)
	}
	c.users++
	if c.unused != nil {
		c.unused.Stop()
		c.unused = nil
	}
	return c
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

func (h *Hosts) release(a provisioner.HostAddress, c *connection) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c.users--
	if c.users > 0 {
		return
	}
	c.unused = time.AfterFunc(h.keepUnused, func() {
		h.mu.Lock()
		unused := c.users == 0 && c.unused != nil
		if unused {
			h.forget(a, c)
		}
		h.mu.Unlock()
		if unused {
			c.close()
		}
	})
}

// forget makes the next Acquire dial. It is called with mu held.
func (h *Hosts) forget(a provisioner.HostAddress, c *connection) {
	if h.open[a] == c {
		delete(h.open, a)
	}
}

// close waits for a dial under way: who gave up waiting may be the last user.
func (c *connection) close() {
	<-c.ready
	if c.driver != nil {
		_ = c.driver.Close() // nobody uses it
	}
}

// Close closes every connection. Nobody may use the Hosts any more.
func (h *Hosts) Close() {
	h.mu.Lock()
	open := h.open
	h.open = map[provisioner.HostAddress]*connection{}
	h.mu.Unlock()
	for _, c := range open {
		c.close()
	}
}
