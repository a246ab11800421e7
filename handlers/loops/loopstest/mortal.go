package loopstest

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"sync"

	"github.com/google/uuid"
	"volary.dev/provisioner"
)

// mortal is a worker that dies at a chosen moment as kill -9 would have it: from then on nothing of it reaches a host
// or the database, and nothing that it was doing is tidied up.
type mortal struct {
	mu    sync.Mutex
	calls int // of the driver until it dies; 0: it does not
	sends int // to the database until it dies; 0: it does not
	dead  bool
	conns []net.Conn
	died  chan struct{}
}

var errDead = errors.New("this worker is dead")

func (m *mortal) die() {
	if !m.dead {
		m.dead = true
		for _, c := range m.conns {
			_ = c.Close()
		}
		close(m.died)
	}
}

// called counts a driver call that has just had its effect.
func (m *mortal) called() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.calls > 0 {
		if m.calls--; m.calls == 0 {
			m.die()
		}
	}
	return m.lives()
}

func (m *mortal) lives() error {
	if m.dead {
		return errDead
	}
	return nil
}

func (m *mortal) isAlive() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.lives()
}

// conn is a database connection that is cut when its worker dies.
type conn struct {
	net.Conn
	m *mortal
}

func (c conn) Write(b []byte) (int, error) {
	c.m.mu.Lock()
	if c.m.sends > 0 {
		if c.m.sends--; c.m.sends == 0 {
			c.m.die()
		}
	}
	err := c.m.lives()
	c.m.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return c.Conn.Write(b)
}

// driver calls through to a host as long as its worker lives, and learns nothing of the call during which it died.
type driver struct {
	provisioner.Driver
	m *mortal
}

func (d driver) do(f func() error) error {
	if err := d.m.isAlive(); err != nil {
		return err
	}
	err := f()
	if dead := d.m.called(); dead != nil {
		return dead
	}
	return err
}

func (d driver) EnsureNetwork(ctx context.Context, n provisioner.Network) error {
	return d.do(func() error { return d.Driver.EnsureNetwork(ctx, n) })
}

func (d driver) DeleteNetwork(ctx context.Context, vni uint32) error {
	return d.do(func() error { return d.Driver.DeleteNetwork(ctx, vni) })
}

func (d driver) EnsureImage(ctx context.Context, digest string, size int64, open func(context.Context) (io.ReadCloser, error)) error {
	return d.do(func() error { return d.Driver.EnsureImage(ctx, digest, size, open) })
}

func (d driver) EnsureNode(ctx context.Context, n provisioner.NodeSpec) error {
	return d.do(func() error { return d.Driver.EnsureNode(ctx, n) })
}

func (d driver) StopNode(ctx context.Context, id uuid.UUID, force bool) error {
	return d.do(func() error { return d.Driver.StopNode(ctx, id, force) })
}

func (d driver) SuspendNode(ctx context.Context, id uuid.UUID) error {
	return d.do(func() error { return d.Driver.SuspendNode(ctx, id) })
}

func (d driver) ResumeNode(ctx context.Context, id uuid.UUID) error {
	return d.do(func() error { return d.Driver.ResumeNode(ctx, id) })
}

func (d driver) DeleteNode(ctx context.Context, id uuid.UUID, wipe bool) error {
	return d.do(func() error { return d.Driver.DeleteNode(ctx, id, wipe) })
}

func (d driver) Observe(ctx context.Context) (o provisioner.Observation, err error) {
	return o, d.do(func() error { o, err = d.Driver.Observe(ctx); return err })
}

func (d driver) Addresses(ctx context.Context, vni uint32) (a map[string]netip.Addr, err error) {
	return a, d.do(func() error { a, err = d.Driver.Addresses(ctx, vni); return err })
}
