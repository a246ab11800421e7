package drivertest

import (
	"bytes"
	"errors"
	"io"
	"os"
	"sync"
	"testing"
	"time"

	"volary.dev/provisioner/waittest"
)

// viewer reads a console in the background and lets a test wait for what appears.
type viewer struct {
	t       *testing.T
	console io.ReadWriteCloser

	mu    sync.Mutex
	text  []byte
	err   error
	moved chan struct{} // closed and replaced at each change
}

func (f *fixture) attach(t *testing.T) *viewer {
	t.Helper()
	c, err := f.driver.Console(t.Context(), f.node.ID)
	if err != nil {
		t.Fatalf("Console: %v", err)
	}
	v := &viewer{t: t, console: c, moved: make(chan struct{})}
	t.Cleanup(func() { c.Close() })
	go v.read()
	return v
}

func (v *viewer) read() {
	buf := make([]byte, 4096)
	for {
		n, err := v.console.Read(buf)
		v.mu.Lock()
		v.text = append(v.text, buf[:n]...)
		v.err = err
		close(v.moved)
		v.moved = make(chan struct{})
		v.mu.Unlock()
		if err != nil {
			return
		}
	}
}

// expect waits until text appears after what was expected before.
func (v *viewer) expect(text string) {
	v.t.Helper()
	v.wait("console text "+text, func() bool {
		at := bytes.Index(v.text, []byte(text))
		if at >= 0 {
			v.text = v.text[at+len(text):]
		}
		return at >= 0
	})
}

// ended waits for the console to end and returns why.
func (v *viewer) ended() error {
	v.t.Helper()
	v.wait("the console's end", func() bool { return v.err != nil })
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.err
}

func (v *viewer) typeLine(line string) {
	v.t.Helper()
	if _, err := v.console.Write([]byte(line + "\r")); err != nil && !errors.Is(err, os.ErrClosed) {
		v.t.Fatalf("type %q: %v", line, err)
	}
}

func (v *viewer) wait(what string, met func() bool) {
	v.t.Helper()
	defer waittest.Measure(v.t, what)()
	timeout := time.NewTimer(waittest.Limit)
	defer timeout.Stop()
	for {
		v.mu.Lock()
		ok, moved, err := met(), v.moved, v.err
		end := v.text[max(0, len(v.text)-400):]
		v.mu.Unlock()
		if ok {
			return
		}
		if err != nil {
			v.t.Fatalf("the console ended with %v before %s; last %q", err, what, end)
		}
		select {
		case <-moved:
		case <-timeout.C:
			v.t.Fatalf("waited %v in vain for %s; last %q", waittest.Limit, what, end)
		}
	}
}
