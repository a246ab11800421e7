package qemu

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"slices"
	"strconv"
	"sync"

	"volary.dev/provisioner"
)

// The bounds of a console.
const (
	// consoleFile is how large one of a console's two files becomes; then it takes the place of the older one.
	consoleFile = 4 << 20
	// consoleBuffer is what is kept for a viewer that does not read; then the oldest goes. A guest is never held up by who looks at it.
	consoleBuffer = 256 << 10

	mostLines = 32
	// mostUnended is how far a line without an end is searched again.
	mostUnended = 4 << 10
)

// console is what a node wrote since it was made, in two files of bounded size, and who looks at it.
type console struct {
	path string // of the newer file; the older one's has ".0" behind it
	most int64  // bytes of each file

	mu      sync.Mutex
	file    *os.File
	older   int64 // bytes of the older file
	newer   int64
	written int64    // in all, ever
	line    net.Conn // to the guest that runs; nil: none
	viewer  *viewer
}

func newConsole(path string, most int64) (*console, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	return &console{path: path, most: most, file: f}, nil
}

// follow takes what a guest writes until its line ends: it is never not read, so that no guest waits.
func (c *console) follow(line net.Conn) {
	c.mu.Lock()
	c.line = line
	c.mu.Unlock()
	buf := make([]byte, 16<<10)
	for {
		n, err := line.Read(buf)
		c.mu.Lock()
		c.keep(buf[:n])
		if c.viewer != nil {
			c.viewer.add(buf[:n])
		}
		if err == nil {
			c.mu.Unlock()
			continue
		}
		if c.line == line {
			c.line = nil
			if c.viewer != nil {
				c.viewer.end(io.EOF)
				c.viewer = nil
			}
		}
		c.mu.Unlock()
		_ = line.Close()
		return
	}
}

// keep writes to the newer file; c.mu is held. What a full disk does not take is lost, as it is on hosts.
func (c *console) keep(b []byte) {
	if len(b) == 0 || c.file == nil {
		return
	}
	if c.newer+int64(len(b)) > c.most {
		f, err := c.turnOver()
		if err != nil {
			return
		}
		_ = c.file.Close()
		c.file, c.older, c.newer = f, c.newer, 0
	}
	n, _ := c.file.WriteAt(b, c.newer)
	c.newer, c.written = c.newer+int64(n), c.written+int64(n)
}

func (c *console) turnOver() (*os.File, error) {
	if err := os.Rename(c.path, c.path+".0"); err != nil {
		return nil, err
	}
	return os.OpenFile(c.path, os.O_CREATE|os.O_TRUNC|os.O_RDWR, 0o600)
}

// from gives what is kept from a place on, counted from the first byte ever; c.mu is held.
func (c *console) from(at int64) ([]byte, error) {
	first := c.written - c.newer - c.older
	at = max(at, first)
	all := make([]byte, 0, c.written-at)
	if begin := at - first; begin < c.older {
		b, err := os.ReadFile(c.path + ".0")
		if err != nil {
			return nil, err
		}
		all = append(all, b[min(begin, int64(len(b))):]...)
	}
	b := make([]byte, c.newer-max(0, at-(c.written-c.newer)))
	if _, err := c.file.ReadAt(b, c.newer-int64(len(b))); err != nil {
		return nil, err
	}
	return append(all, b...), nil
}

// answer answers a query. A mark is how much had been written.
func (c *console) answer(q provisioner.ConsoleQuery) (t provisioner.ConsoleText, err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.written == 0 || c.file == nil {
		return t, nil
	}
	t.Kept, t.End = c.older+c.newer, strconv.FormatInt(c.written, 10)
	if n := min(q.Tail, provisioner.ConsoleTail, t.Kept); n > 0 {
		if t.Tail, err = c.from(c.written - n); err != nil {
			return t, fmt.Errorf("console: %w", err)
		}
	}
	after, err := strconv.ParseInt(q.After, 10, 64)
	if err != nil || after < 0 || after > c.written {
		after = 0 // of another console: everything is new
	}
	after = max(after, c.written-t.Kept)
	text, err := c.from(after)
	if err != nil {
		return t, fmt.Errorf("console: %w", err)
	}
	for line := range bytes.Lines(provisioner.VisibleText(text)) {
		if slices.ContainsFunc(q.Find, func(wanted string) bool { return wanted != "" && bytes.Contains(line, []byte(wanted)) }) {
			if t.Lines = append(t.Lines, bytes.Clone(line)); len(t.Lines) > mostLines {
				t.Lines = t.Lines[1:]
			}
		}
	}
	next := bytes.LastIndexByte(text, '\n') + 1
	next = max(next, provisioner.ConsoleCut(text, max(0, len(text)-mostUnended)))
	t.Next = strconv.FormatInt(after+int64(next), 10)
	return t, nil
}

// attach gives a new viewer the console; who had it before is told.
func (c *console) attach() (*viewer, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.line == nil {
		return nil, false
	}
	if c.viewer != nil {
		c.viewer.end(provisioner.ErrConsoleTaken)
	}
	c.viewer = &viewer{console: c, line: c.line}
	c.viewer.more.L = &c.viewer.mu
	return c.viewer, true
}

func (c *console) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.file != nil {
		_ = c.file.Close()
		c.file = nil
	}
}

// viewer is one attachment.
type viewer struct {
	console *console
	line    net.Conn

	mu   sync.Mutex
	more sync.Cond
	in   []byte
	err  error // why it is over
}

func (v *viewer) add(b []byte) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.in = append(v.in, b...); len(v.in) > consoleBuffer {
		v.in = bytes.Clone(v.in[len(v.in)-consoleBuffer:])
	}
	v.more.Broadcast()
}

func (v *viewer) end(err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.err == nil {
		v.err = err
	}
	v.more.Broadcast()
}

// Read implements io.Reader: it waits for output, and after the end gives what is left and then the reason.
func (v *viewer) Read(p []byte) (int, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for len(v.in) == 0 && v.err == nil {
		v.more.Wait()
	}
	if len(v.in) > 0 {
		n := copy(p, v.in)
		v.in = v.in[n:]
		return n, nil
	}
	return 0, v.err
}

// Write implements io.Writer: it types. A guest that does not read its console takes what its line holds.
func (v *viewer) Write(p []byte) (int, error) {
	v.mu.Lock()
	over := v.err != nil
	v.mu.Unlock()
	if over {
		return 0, io.ErrClosedPipe
	}
	if err := v.line.SetWriteDeadline(soon()); err != nil {
		return 0, io.ErrClosedPipe
	}
	n, err := v.line.Write(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		err = errors.New("the guest does not read its console")
	}
	return n, err
}

// Close implements io.Closer.
func (v *viewer) Close() error {
	v.console.mu.Lock()
	if v.console.viewer == v {
		v.console.viewer = nil
	}
	v.console.mu.Unlock()
	v.end(io.EOF)
	return nil
}
