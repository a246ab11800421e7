package hostline

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner"
)

// Open makes the driver of the child's host. settings is Options.Settings as JSON.
type Open func(ctx context.Context, settings json.RawMessage, a provisioner.HostAddress) (provisioner.Driver, error)

// Serve is the whole life of a child: it answers calls until the program that started it goes away or lets it go. Its
// caller then has to end the process.
func Serve(open Open) error {
	control, err := newSocket(controlFD)
	if err != nil {
		return fmt.Errorf("this is started by a worker and by nobody else: %w", err)
	}
	return serve(control, open)
}

func serve(control *socket, open Open) error {
	buf := make([]byte, largestSettings)
	first, _, err := control.receive(buf)
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err != nil {
		return err
	}
	s := &server{open: open}
	if err := json.Unmarshal(first, &s.hello); err != nil {
		return fmt.Errorf("the first datagram: %w", err)
	}
	for {
		_, c, err := control.receive(buf[:1])
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if c != nil {
			go s.answer(c)
		}
	}
}

// server is the child's side.
type server struct {
	open  Open
	hello hello

	mu     sync.Mutex
	driver provisioner.Driver
}

// theDriver opens the driver at the first call, and again at each where that failed.
func (s *server) theDriver(ctx context.Context) (provisioner.Driver, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.driver != nil {
		return s.driver, nil
	}
	d, err := s.open(ctx, s.hello.Settings, s.hello.Address)
	if err != nil {
		return nil, err
	}
	s.driver = d
	return d, nil
}

// answer is one call.
func (s *server) answer(c *socket) {
	defer c.Close()
	k, body, err := readFrame(c)
	if err != nil || k != kindRequest {
		return
	}
	var r request
	if err := json.Unmarshal(body, &r); err != nil {
		return
	}
	life, cancel := context.WithCancel(context.Background())
	defer cancel()
	in := incoming{frames: make(chan incomingFrame)}
	go in.read(life, c, cancel)
	// The deadline is for the call; a console that was attached in time outlasts it.
	ctx := life
	if r.Milliseconds > 0 {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(life, time.Duration(r.Milliseconds)*time.Millisecond)
		defer stop()
	}
	d, err := s.theDriver(ctx)
	if err != nil {
		_ = writeResult(c, nil, err)
		return
	}
	switch r.Method {
	case "EnsureImage":
		_ = writeResult(c, nil, receiveImage(ctx, d, r.Arguments, c, in))
	case "Console":
		showConsole(ctx, d, r.Arguments, c, in)
	default:
		m := methods()[r.Method]
		if m == nil {
			_ = writeResult(c, nil, fmt.Errorf("there is no method %s", r.Method))
			return
		}
		v, err := m(ctx, d, r.Arguments)
		_ = writeResult(c, v, err)
	}
}

func writeResult(w io.Writer, value any, err error) error {
	r := result{Fault: newFault(err)}
	if err == nil {
		if r.Value, err = json.Marshal(value); err != nil {
			r = result{Fault: newFault(err)}
		}
	}
	return writeJSON(w, kindResult, r)
}

// incoming is what the caller sends during a call.
type incoming struct{ frames chan incomingFrame }

type incomingFrame struct {
	kind kind
	body []byte
}

// read ends the call's context where the caller gives up or goes away.
func (in incoming) read(ctx context.Context, c *socket, cancel context.CancelFunc) {
	defer close(in.frames)
	defer cancel()
	for {
		k, body, err := readFrame(c)
		if err != nil || k == kindCancel {
			return
		}
		select {
		case in.frames <- incomingFrame{k, body}:
		case <-ctx.Done():
			return
		}
	}
}

func receiveImage(ctx context.Context, d provisioner.Driver, arguments json.RawMessage, c *socket, in incoming) error {
	var a ensureImage
	if err := json.Unmarshal(arguments, &a); err != nil {
		return err
	}
	return d.EnsureImage(ctx, a.Digest, a.Size, func(ctx context.Context) (io.ReadCloser, error) {
		r := &imageReader{ctx: ctx, c: c, in: in}
		return r, r.want([]byte{1})
	})
}

// imageReader reads the image from the caller.
type imageReader struct {
	ctx  context.Context
	c    *socket
	in   incoming
	rest []byte
	end  error
}

// want asks for more, with a body for the bytes from the first.
func (r *imageReader) want(anew []byte) error {
	if err := writeFrame(r.c, kindWant, anew); err != nil {
		return err
	}
	select {
	case <-r.ctx.Done():
		return r.ctx.Err()
	case f, ok := <-r.in.frames:
		switch {
		case !ok:
			return context.Canceled
		case f.kind == kindData:
			r.rest = f.body
			return nil
		case len(f.body) == 0:
			return io.EOF
		}
		var broken *fault
		if err := json.Unmarshal(f.body, &broken); err != nil {
			return err
		}
		return broken.err()
	}
}

// Read implements io.Reader.
func (r *imageReader) Read(p []byte) (int, error) {
	for len(r.rest) == 0 {
		if r.end == nil {
			r.end = r.want(nil)
		}
		if r.end != nil {
			return 0, r.end
		}
	}
	n := copy(p, r.rest)
	r.rest = r.rest[n:]
	return n, nil
}

// Close implements io.Closer: the caller closes the image's file when it is asked for it anew, or when the call is over.
func (r *imageReader) Close() error { return nil }

// showConsole passes bytes both ways until the console ends or its viewer does. The attachment outlasts the deadline for it.
func showConsole(ctx context.Context, d provisioner.Driver, arguments json.RawMessage, c *socket, in incoming) {
	var id uuid.UUID
	if err := json.Unmarshal(arguments, &id); err != nil {
		_ = writeResult(c, nil, err)
		return
	}
	line, err := d.Console(ctx, id)
	if err != nil {
		_ = writeResult(c, nil, err)
		return
	}
	defer line.Close()
	if writeResult(c, nil, nil) != nil {
		return
	}
	ended := make(chan error, 1)
	go func() { ended <- pass(c, line) }()
	for {
		select {
		case err := <-ended:
			_ = writeJSON(c, kindOver, newFault(err))
			return
		case f, ok := <-in.frames:
			if !ok {
				return
			}
			if _, err := line.Write(f.body); err != nil {
				_ = writeJSON(c, kindOver, newFault(err))
				return
			}
		}
	}
}

// pass sends what the guest writes, and returns why there is no more.
func pass(c *socket, line io.Reader) error {
	buf := make([]byte, 16<<10)
	for {
		n, err := line.Read(buf)
		if n > 0 {
			if sent := writeFrame(c, kindData, buf[:n]); sent != nil {
				return sent
			}
		}
		if err != nil {
			return err
		}
	}
}
