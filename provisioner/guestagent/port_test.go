package guestagent

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"volary.dev/provisioner"
	"volary.dev/provisioner/waittest"
)

// agentOf plays a guest's agent at the other end of a port: it answers the calls that there are, in their order, after the
// synchronisation.
func agentOf(t *testing.T, answer func(question string, to io.Writer)) *Port {
	t.Helper()
	ours, theirs := net.Pipe()
	t.Cleanup(func() { _ = ours.Close() })
	go func() {
		defer theirs.Close()
		lines := bufio.NewReader(theirs)
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			var sync struct {
				Execute   string
				Arguments struct{ ID int64 }
			}
			text := strings.TrimPrefix(line, "\xff")
			if json.Unmarshal([]byte(text), &sync) == nil && sync.Execute == "guest-sync-delimited" {
				// What an earlier question is still answered with stands before it.
				fmt.Fprintf(theirs, "{\"return\": {\"late\": 1}}\n\xff{\"return\": 7}\n\xff{\"return\": %d}\n", sync.Arguments.ID)
				continue
			}
			answer(text, theirs)
		}
	}()
	return NewPort(ours)
}

func TestPort(t *testing.T) {
	p := agentOf(t, func(question string, to io.Writer) {
		switch {
		case strings.Contains(question, "guest-ping"):
			fmt.Fprintln(to, `{"return": {}}`)
		case strings.Contains(question, `"guest-exec"`):
			fmt.Fprintln(to, `{"return": {"pid": 12}}`)
		default:
			fmt.Fprintln(to, `{"return": {"exited": true, "exitcode": 3, "out-data": "aGVsbG8="}}`)
		}
	})
	c, err := provisioner.Command{Argv: []string{"true"}}.Bounded()
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		r, err := Run(t.Context(), "run", c, p.Ask)
		if err != nil || r.Status != 3 || string(r.Stdout) != "hello" {
			t.Errorf("%+v, %v", r, err)
		}
	}
}

// TestHostileAgents have a command end soon and cost nothing but itself.
func TestHostileAgents(t *testing.T) {
	ping := func(rest func(to io.Writer)) func(string, io.Writer) {
		return func(question string, to io.Writer) {
			if strings.Contains(question, "guest-ping") {
				fmt.Fprintln(to, `{"return": {}}`)
				return
			}
			rest(to)
		}
	}
	for name, c := range map[string]struct {
		answer func(string, io.Writer)
		want   error
	}{
		"says no":                {ping(func(to io.Writer) { fmt.Fprintln(to, `{"error": {"class": "x", "desc": "not\u001b[2J today"}}`) }), provisioner.ErrGuestRefused},
		"writes without an end":  {ping(func(to io.Writer) { _, _ = io.CopyN(to, zeros{}, 2*mostAnswer) }), provisioner.ErrGuestNonsense},
		"is no JSON":             {ping(func(to io.Writer) { fmt.Fprintln(to, `hello`) }), provisioner.ErrGuestNonsense},
		"answers nothing of use": {ping(func(to io.Writer) { fmt.Fprintln(to, `{"return": {"pid": -1}}`) }), provisioner.ErrGuestNonsense},
		"leaves in the middle":   {ping(func(to io.Writer) { _ = to.(io.Closer).Close() }), provisioner.ErrGuestNonsense},
		"leaves at once":         {func(_ string, to io.Writer) { _ = to.(io.Closer).Close() }, provisioner.ErrNoAgent},
	} {
		command, _ := provisioner.Command{Argv: []string{"true"}}.Bounded()
		r, err := Run(t.Context(), "run", command, agentOf(t, c.answer).Ask)
		if !errors.Is(err, c.want) || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("one that %s: %+v, %v, want %v", name, r, err, c.want)
		}
	}
}

// TestAgentsThatDoNotAnswer are given up: at the caller's end at once, otherwise when their time is over.
func TestAgentsThatDoNotAnswer(t *testing.T) {
	ours, theirs := net.Pipe()
	defer ours.Close()
	heard := make(chan []byte, 1)
	go func() {
		b := make([]byte, 256)
		n, _ := theirs.Read(b)
		heard <- b[:n]
		_, _ = io.Copy(theirs, zeros{}) // and never an answer
	}()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	p := NewPort(ours)
	go func() {
		_, err := p.Ask(ctx, "{}", false)
		ended <- err
	}()
	if line, _ := waittest.Receive(t, "the first question", heard); !bytes.HasPrefix(line, []byte{mark}) {
		t.Errorf("it asked %q", line)
	}
	cancel()
	if err, _ := waittest.Receive(t, "the end of the question", ended); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	p.patience = 50 * time.Millisecond
	begun := time.Now()
	if _, err := p.Ask(t.Context(), "{}", false); !errors.Is(err, provisioner.ErrNoAgent) || time.Since(begun) < p.patience {
		t.Errorf("after %s: %v", time.Since(begun), err)
	}
}

// zeros are bytes without an end, and no line's.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { return len(p), nil }
