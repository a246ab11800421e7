//go:build libvirt

package libvirt

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"
	"time"

	"volary.dev/provisioner"
	"volary.dev/provisioner/waittest"
)

// shell runs commands in a guest over its console.
type shell struct {
	t       *testing.T
	name    string
	console io.ReadWriteCloser
	count   int

	mu    sync.Mutex
	text  []byte
	err   error
	moved chan struct{}
}

// login waits for the guest and logs in as root, who has no password in the sample image.
func login(t *testing.T, d provisioner.Driver, n provisioner.NodeSpec) *shell {
	t.Helper()
	s := watchConsole(t, d, n)
	// The guest may have printed its prompt before anyone looked: ask until it answers.
	waittest.Until(t, n.Name+" to ask who logs in", func() bool {
		s.typed("\r")
		ctx, stop := context.WithTimeout(t.Context(), 3*time.Second) //nolint:forbidigo // then it is asked again
		defer stop()
		_, err := s.reads(ctx, "login: ")
		return err == nil
	})
	s.typed("root\r")
	if _, err := s.until("# "); err != nil {
		t.Fatalf("%s: %v", n.Name, err)
	}
	s.run("stty -echo; dmesg -n 1")
	return s
}

// watchConsole opens a console without a word.
func watchConsole(t *testing.T, d provisioner.Driver, n provisioner.NodeSpec) *shell {
	t.Helper()
	c, err := d.Console(t.Context(), n.ID)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	s := &shell{t: t, name: n.Name, console: c, moved: make(chan struct{})}
	go s.read()
	return s
}

func (s *shell) read() {
	buf := make([]byte, 4096)
	for {
		n, err := s.console.Read(buf)
		s.mu.Lock()
		s.text, s.err = append(s.text, buf[:n]...), err
		close(s.moved)
		s.moved = make(chan struct{})
		s.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (s *shell) typed(text string) {
	s.t.Helper()
	if _, err := s.console.Write([]byte(text)); err != nil {
		s.t.Fatalf("%s: type %q: %v", s.name, text, err)
	}
}

// until waits for text and returns what came before it.
func (s *shell) until(text string) (string, error) {
	s.t.Helper()
	ctx, done := waittest.Context(s.t.Context(), s.t, fmt.Sprintf("%q on the console of %s", text, s.name))
	defer done()
	return s.reads(ctx, text)
}

// reads waits for text until ctx ends, and returns what came before it.
func (s *shell) reads(ctx context.Context, text string) (string, error) {
	for {
		s.mu.Lock()
		at, moved, err := bytes.Index(s.text, []byte(text)), s.moved, s.err
		var before string
		if at >= 0 {
			before, s.text = string(s.text[:at]), s.text[at+len(text):]
		}
		end := string(s.text[max(0, len(s.text)-300):])
		s.mu.Unlock()
		switch {
		case at >= 0:
			return before, nil
		case err != nil:
			return "", fmt.Errorf("the console ended: %w", err)
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return "", fmt.Errorf("no %q on the console; last %q", text, end)
		}
	}
}

// run runs a command and returns its output and whether it succeeded.
func (s *shell) run(command string) (string, bool) {
	s.t.Helper()
	s.count++
	// Split in two, so that the echo of the command is not taken for its end.
	s.typed(fmt.Sprintf("%s; echo END''%d:$?:\r", command, s.count))
	out, err := s.until(fmt.Sprintf("END%d:", s.count))
	if err == nil {
		var status string
		if status, err = s.until(":"); err == nil {
			return strings.TrimSpace(strings.ReplaceAll(out, "\r", "")), status == "0"
		}
	}
	if !errors.Is(err, context.Canceled) {
		s.t.Fatalf("%s: %s: %v", s.name, command, err)
	}
	return "", false
}

// can expects a command to succeed.
func (s *shell) can(what, command string) {
	s.t.Helper()
	if out, ok := s.run(command); !ok {
		s.t.Errorf("%s cannot %s: %s: %s", s.name, what, command, out)
	}
}

// cannot expects a command to fail.
func (s *shell) cannot(what, command string) {
	s.t.Helper()
	if out, ok := s.run(command); ok {
		s.t.Errorf("%s can %s: %s: %s", s.name, what, command, out)
	}
}

// reachesNone expects all of the commands to fail. They run at once, as each one waits for an answer that must not come.
func (s *shell) reachesNone(commands map[string]string) {
	s.t.Helper()
	for what, command := range commands {
		s.run(fmt.Sprintf("(%s >/dev/null 2>&1 && echo 'reached %s' >>/tmp/reached) & true", command, what))
	}
	// The status says it, not the output: the shell's own notice of a job that has ended quotes its command.
	if out, ok := s.run("wait; cat /tmp/reached 2>/dev/null; test ! -e /tmp/reached"); !ok {
		s.t.Errorf("%s %s", s.name, out)
	}
}
