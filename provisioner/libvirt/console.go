//go:build libvirt

package libvirt

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/google/uuid"
	"libvirt.org/go/libvirt"

	"volary.dev/provisioner"
)

// consoleBuffer is what is kept for a viewer that does not read; then the oldest goes. A guest is never held up by who
// looks at it.
const consoleBuffer = 256 << 10

// console is one attachment. libvirt's event loop fills it; a goroutine blocked in a stream could not be freed again.
type console struct {
	driver  *Driver
	node    uuid.UUID
	release func() // of its connection

	mu     sync.Mutex
	more   sync.Cond
	stream *libvirt.Stream // nil when it is over
	in     []byte          // from the guest, not yet read
	out    []byte          // to the guest, not yet sent
	err    error           // why it is over
}

// Console implements provisioner.Driver.
func (d *Driver) Console(ctx context.Context, id uuid.UUID) (io.ReadWriteCloser, error) {
	unlock, err := d.locks.lock(ctx, "console "+id.String())
	if err != nil {
		return nil, err
	}
	defer unlock()
	d.mu.Lock()
	before := d.consoles[id]
	d.mu.Unlock()
	if before != nil {
		before.end(provisioner.ErrConsoleTaken)
	}
	c := &console{driver: d, node: id}
	c.more.L = &c.mu
	// A connection of its own: the guest writes when it likes, and another's call must not be on it then.
	err = d.views.keep(ctx, "console of "+id.String(), func(conn *libvirt.Connect, release func()) error {
		return withNode(conn, id, func(dom *libvirt.Domain) error { return c.open(conn, dom, release) })
	})
	if err != nil {
		c.end(err) // it may be opened yet, and nobody waits for it any more
		return nil, err
	}
	d.mu.Lock()
	d.consoles[id] = c
	d.mu.Unlock()
	return c, nil
}

func (c *console) open(conn *libvirt.Connect, dom *libvirt.Domain, release func()) error {
	s, err := conn.NewStream(libvirt.STREAM_NONBLOCK)
	if err != nil {
		return err
	}
	// Force ends another viewer, be it one of another process.
	if err := dom.OpenConsole("", s, libvirt.DOMAIN_CONSOLE_FORCE); err != nil {
		_ = s.Free()
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	err = c.err // where the viewer is gone already
	if err == nil {
		err = s.EventAddCallback(readable, c.happened)
	}
	if err != nil {
		_ = s.Abort()
		_ = s.Free()
		return err
	}
	c.stream, c.release = s, release
	return nil
}

const readable = libvirt.STREAM_EVENT_READABLE | libvirt.STREAM_EVENT_HANGUP | libvirt.STREAM_EVENT_ERROR

// happened runs on libvirt's event loop.
func (c *console) happened(_ *libvirt.Stream, event libvirt.StreamEventType) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stream == nil {
		return
	}
	if event&libvirt.STREAM_EVENT_WRITABLE != 0 {
		c.flush()
	}
	if c.stream != nil && event&libvirt.STREAM_EVENT_READABLE != 0 {
		c.receive()
	}
	if c.stream != nil && event&(libvirt.STREAM_EVENT_HANGUP|libvirt.STREAM_EVENT_ERROR) != 0 {
		c.over(io.EOF)
	}
}

func (c *console) receive() {
	buf := make([]byte, 16<<10)
	for {
		n, err := c.stream.Recv(buf)
		if errors.Is(err, io.EOF) {
			c.over(io.EOF)
			return
		}
		if err != nil {
			c.over(io.EOF) // the machine went off, or the connection did
			return
		}
		if n < 0 {
			return
		}
		if c.in = append(c.in, buf[:n]...); len(c.in) > consoleBuffer {
			c.in = c.in[len(c.in)-consoleBuffer:]
		}
		c.more.Broadcast()
	}
}

// flush sends what is waiting; what the host does not take now is sent when it says that it can.
func (c *console) flush() {
	for len(c.out) > 0 {
		n, err := c.stream.Send(c.out)
		if err != nil {
			c.over(io.EOF)
			return
		}
		if n < 0 {
			_ = c.stream.EventUpdateCallback(readable | libvirt.STREAM_EVENT_WRITABLE)
			return
		}
		c.out = c.out[n:]
	}
	_ = c.stream.EventUpdateCallback(readable)
}

// over ends the attachment; c.mu is held.
func (c *console) over(err error) {
	if c.err == nil {
		c.err = err
	}
	if c.stream == nil {
		return
	}
	s, release := c.stream, c.release
	c.stream = nil
	c.more.Broadcast()
	_ = s.EventRemoveCallback()
	go func() {
		// Not on the event loop: where the host hangs this waits for it, and every connection's keepalive with it.
		_ = s.Abort()
		_ = s.Free()
		release()
	}()
}

func (c *console) end(err error) {
	c.mu.Lock()
	c.over(err)
	c.mu.Unlock()
	c.driver.mu.Lock()
	if c.driver.consoles[c.node] == c {
		delete(c.driver.consoles, c.node)
	}
	c.driver.mu.Unlock()
}

// Read implements io.Reader: it waits for output, and after the end gives what is left and then the reason.
func (c *console) Read(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.in) == 0 && c.stream != nil {
		c.more.Wait()
	}
	if len(c.in) > 0 {
		n := copy(p, c.in)
		c.in = c.in[n:]
		return n, nil
	}
	return 0, c.err
}

// Write implements io.Writer. It does not wait: what the host cannot take yet is kept, up to a limit.
func (c *console) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stream == nil {
		return 0, io.ErrClosedPipe
	}
	if len(c.out)+len(p) > consoleBuffer {
		return 0, errors.New("the guest does not read its console")
	}
	c.out = append(c.out, p...)
	c.flush()
	return len(p), nil
}

// Close implements io.Closer.
func (c *console) Close() error {
	c.end(io.EOF)
	return nil
}
