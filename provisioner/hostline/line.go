package hostline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os/exec"
	"sync"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner"
)

// Options say how children are made.
type Options struct {
	// Command makes the command of a new child: a program that calls Serve. Its standard streams, its files, environment
	// and process group are set here.
	Command func() *exec.Cmd
	// Settings is handed, as JSON, to the child's Open.
	Settings any
	// Log gets a line for each child that ended by itself or was killed; nil takes slog's default.
	Log *slog.Logger
	// Overdue is how long a call may outlive its caller while the child answers nothing; 0 takes two minutes. After 15
	// times as long it may not outlive it in any case.
	Overdue time.Duration

	// start stands for a process in tests of the protocol.
	start func(control *socketPair) (*process, error)
}

const (
	overdueDefault = 2 * time.Minute
	overdueFactor  = 15
	// A child that lived for settled counts as a sound one: the next is started at once where it ends.
	settled                 = time.Minute
	firstPause, lastPause   = time.Second, 30 * time.Second
	controlLimit, byeLimit  = 2 * time.Second, 2 * time.Second
	reasonLimit             = time.Second
	largestSettings, stderr = 64 << 10, 600
)

// Line is one host's driver in a child of its own.
type Line struct {
	o       Options
	address provisioner.HostAddress
	start   func(*socketPair) (*process, error)

	mu      sync.Mutex
	now     *child // nil before the first call and after a death
	closed  bool
	failed  error // how the last child ended
	retryAt time.Time
	pause   time.Duration
}

var _ provisioner.Driver = (*Line)(nil)

// Dial makes a provisioner.Dial of Lines. A Line speaks with its host at the first call, and finds back to it by itself.
func Dial(o Options) provisioner.Dial {
	if o.Log == nil {
		o.Log = slog.Default()
	}
	if o.Overdue == 0 {
		o.Overdue = overdueDefault
	}
	start := o.start
	if start == nil {
		start = newStarter(o.Command).start
	}
	return func(_ context.Context, a provisioner.HostAddress) (provisioner.Driver, error) {
		if err := a.Validate(); err != nil {
			return nil, err
		}
		return &Line{o: o, address: a, start: start}, nil
	}
}

// Close implements provisioner.Driver: the child ends, and with it every call and console.
func (l *Line) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.closed = true
	if l.now != nil {
		l.now.bye()
	}
	return nil
}

// child gives the living child, or starts one.
func (l *Line) child() (*child, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case l.closed:
		return nil, fmt.Errorf("%w: the driver is closed", provisioner.ErrHostUnreachable)
	case l.now != nil && !l.now.over():
		return l.now, nil
	case l.now != nil:
		l.bury(l.now)
	}
	if wait := time.Until(l.retryAt); wait > 0 {
		return nil, unreached(fmt.Errorf("%w; another is started in %s", l.failed, wait.Round(time.Second)))
	}
	c, err := startChild(l.start, hello{Address: l.address}, l.o)
	if err != nil {
		l.failed = fmt.Errorf("the process that is to speak with the host does not start: %w", err)
		l.hesitate()
		return nil, unreached(l.failed)
	}
	l.now = c
	return c, nil
}

// bury notes that the child is dead and when there may be another.
func (l *Line) bury(c *child) {
	l.now, l.failed = nil, c.end()
	if c.lived() > settled {
		l.pause, l.retryAt = 0, time.Time{}
		return
	}
	l.hesitate()
}

// hesitate puts the next start off: not at all the first time, then for longer and longer.
func (l *Line) hesitate() {
	l.retryAt = time.Now().Add(l.pause)
	l.pause = min(max(firstPause, 2*l.pause), lastPause)
}

// call is one call: one end of a pair of sockets.
type call struct {
	child *child
	name  string
	*socket
}

// begin hands the child a call.
func (l *Line) begin(ctx context.Context, name string, arguments any) (*call, error) {
	if ctx.Err() != nil {
		return nil, fmt.Errorf("%s: %w", name, gaveUp(ctx))
	}
	body, err := json.Marshal(arguments)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	r := request{Method: name, Arguments: body}
	if until, ok := ctx.Deadline(); ok {
		r.Milliseconds = max(1, time.Until(until).Milliseconds())
	}
	c, err := l.child()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	s, err := c.pair()
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, c.lost(err))
	}
	if err := writeJSON(s, kindRequest, r); err != nil {
		s.Close()
		return nil, fmt.Errorf("%s: %w", name, c.lost(err))
	}
	return &call{child: c, name: name, socket: s}, nil
}

// ask is a call that takes a value and gives one.
func ask[V any](ctx context.Context, l *Line, name string, arguments any) (V, error) {
	var none V
	c, err := l.begin(ctx, name, arguments)
	if err != nil {
		return none, err
	}
	var v V
	err = c.await(ctx, func() error {
		defer c.Close()
		value, err := c.result()
		if err != nil {
			return err
		}
		return json.Unmarshal(value, &v)
	})
	if err != nil {
		return none, err
	}
	return v, nil
}

// await runs f, which reads the call's frames to its result. Where ctx ends first f goes on alone, and the call is closed
// when it is over: what f writes must not be read then.
func (c *call) await(ctx context.Context, f func() error) error {
	over := make(chan error, 1)
	go func() { over <- f() }()
	select {
	case err := <-over:
		return err
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.Canceled) {
			_ = writeFrame(c, kindCancel, nil)
		}
		go c.child.awaitLate(c, over)
		return fmt.Errorf("%s: %w", c.name, gaveUp(ctx))
	}
}

// gaveUp says why waiting ended: a host that is too slow for the caller's limit does not answer.
func gaveUp(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return unreached(ctx.Err())
	}
	return ctx.Err()
}

// unreached keeps from people what is known of our own processes.
func unreached(why error) error {
	return &provisioner.Unreached{Kind: provisioner.ErrHostUnreachable, Cause: why}
}

// result reads the result frame.
func (c *call) result() (json.RawMessage, error) {
	k, body, err := readFrame(c)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, c.child.lost(err))
	}
	if k != kindResult {
		return nil, fmt.Errorf("%s: a frame of kind %d came instead of a result", c.name, k)
	}
	return c.read(body)
}

func (c *call) read(body []byte) (json.RawMessage, error) {
	c.child.answers()
	var r result
	if err := json.Unmarshal(body, &r); err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	return r.Value, r.Fault.err()
}

// EnsureImage implements provisioner.Driver. The child asks for the image piece by piece, and for all of it again where it
// begins anew.
func (l *Line) EnsureImage(ctx context.Context, digest string, size int64, open func(context.Context) (io.ReadCloser, error)) error {
	c, err := l.begin(ctx, "EnsureImage", ensureImage{digest, size})
	if err != nil {
		return err
	}
	return c.await(ctx, func() error {
		defer c.Close()
		s := source{open: func() (io.ReadCloser, error) { return open(ctx) }, buf: make([]byte, chunk)}
		defer s.close()
		for {
			k, body, err := readFrame(c)
			switch {
			case err != nil:
				return fmt.Errorf("%s: %w", c.name, c.child.lost(err))
			case k == kindResult:
				_, err := c.read(body)
				if err != nil && s.failed != nil {
					return &told{err.Error(), []error{err, s.failed}}
				}
				return err
			case k == kindWant:
				if err := s.give(c, len(body) > 0); err != nil {
					return fmt.Errorf("%s: %w", c.name, c.child.lost(err))
				}
			}
		}
	})
}

// source is an image's bytes on our side.
type source struct {
	open   func() (io.ReadCloser, error)
	now    io.ReadCloser
	buf    []byte
	failed error // by our own reading, not by the host
}

// give answers one kindWant: with bytes, or with their end. anew asks for them from the first.
func (s *source) give(w io.Writer, anew bool) error {
	if anew {
		s.close()
		var err error
		if s.now, err = s.open(); err != nil {
			s.now, s.failed = nil, err
			return writeJSON(w, kindEnd, newFault(err))
		}
		return writeFrame(w, kindData, nil)
	}
	if s.now == nil {
		return writeJSON(w, kindEnd, newFault(io.ErrUnexpectedEOF))
	}
	n, err := s.now.Read(s.buf)
	if n > 0 {
		return writeFrame(w, kindData, s.buf[:n])
	}
	if err == nil || errors.Is(err, io.EOF) {
		return writeFrame(w, kindEnd, nil)
	}
	s.failed = err
	return writeJSON(w, kindEnd, newFault(err))
}

func (s *source) close() {
	if s.now != nil {
		s.now.Close()
		s.now = nil
	}
}

// Console implements provisioner.Driver.
func (l *Line) Console(ctx context.Context, id uuid.UUID) (io.ReadWriteCloser, error) {
	c, err := l.begin(ctx, "Console", id)
	if err != nil {
		return nil, err
	}
	if err := c.await(ctx, func() error {
		_, err := c.result()
		if err != nil {
			c.Close()
		}
		return err
	}); err != nil {
		return nil, err
	}
	return &console{call: c}, nil
}

// console is the viewer's end of one attachment.
type console struct {
	call   *call
	read   sync.Mutex // one reader at a time
	rest   []byte     // of a frame
	ending error
}

// Read implements io.Reader.
func (c *console) Read(p []byte) (int, error) {
	c.read.Lock()
	defer c.read.Unlock()
	for len(c.rest) == 0 {
		if c.ending != nil {
			return 0, c.ending
		}
		k, body, err := readFrame(c.call)
		switch {
		case errors.Is(err, net.ErrClosed):
			c.ending = io.EOF // by ourselves
		case err != nil:
			c.ending = c.call.child.lost(err)
		case k == kindData:
			c.rest = body
		case k == kindOver:
			var f *fault
			if c.ending = json.Unmarshal(body, &f); c.ending == nil {
				c.ending = f.err()
			}
		}
	}
	n := copy(p, c.rest)
	c.rest = c.rest[n:]
	return n, nil
}

// Write implements io.Writer. A guest that reads nothing ends the attachment.
func (c *console) Write(p []byte) (int, error) {
	for sent := 0; sent < len(p); {
		n := min(len(p)-sent, chunk)
		if err := writeFrame(c.call, kindData, p[sent:sent+n]); err != nil {
			return sent, io.ErrClosedPipe
		}
		sent += n
	}
	return len(p), nil
}

// Close implements io.Closer.
func (c *console) Close() error { return c.call.Close() }
