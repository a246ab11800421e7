package main

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"volary.dev/provisioner/waittest"
)

// TestAServerIsNeverGivenUp starts one that dies eight times in a row, and then lives. Each end is one line that says why.
func TestAServerIsNeverGivenUp(t *testing.T) {
	answers := httptest.NewServer(http.NotFoundHandler())
	defer answers.Close()
	dir := t.TempDir()
	// The first life ends when the test writes to the gate, which is once the server has answered.
	gate, program := filepath.Join(dir, "gate"), filepath.Join(dir, "server")
	if err := syscall.Mkfifo(gate, 0o600); err != nil {
		t.Fatal(err)
	}
	script := fmt.Sprintf("#!/bin/sh\ncd %s\n[ -e lives ] || read word <gate\necho life >>lives\n"+
		"if [ $(wc -l <lives) -gt 8 ]; then exec sleep 3600; fi\n"+
		`echo '{"level":"INFO","msg":"listening"}'; echo '{"level":"ERROR","msg":"ended","error":"no birds"}'`+"\nexit 3\n", dir)
	if err := os.WriteFile(program, []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	var told lockedBuffer
	d := &daemon{name: "The server", program: program, log: filepath.Join(dir, "log"), out: &told, restarts: restarts{first: time.Millisecond}}
	if err := startDaemon(t.Context(), d, answers.URL); err != nil {
		t.Fatal(err)
	}
	defer d.stop()
	if err := os.WriteFile(gate, []byte("go\n"), 0); err != nil {
		t.Fatal(err)
	}
	waittest.Until(t, "the ninth life", func() bool {
		b, _ := os.ReadFile(filepath.Join(dir, "lives"))
		return bytes.Count(b, []byte("\n")) == 9
	})
	select {
	case <-d.failed:
		t.Error("it was given up")
	default:
	}
	lines := strings.Split(strings.TrimSpace(told.String()), "\n")
	if len(lines) != 8 {
		t.Errorf("%d lines for 8 ends:\n%s", len(lines), told.String())
	}
	first := "The server ended (exit status 3: no birds): it is started again in 1ms; see " + d.log
	last := "The server ended (exit status 3: no birds), 8 times in a row: it is started again in 128ms; see " + d.log
	if lines[0] != first || lines[len(lines)-1] != last {
		t.Errorf("it was told:\n%s\nwant in the first line:\n%s\nand in the last:\n%s", told.String(), first, last)
	}
}

// TestRestartsWaitLongerAndLonger holds the pauses: they grow to half a minute, and begin anew after a long life.
func TestRestartsWaitLongerAndLonger(t *testing.T) {
	var r restarts
	var got []int
	for range 8 {
		got = append(got, int(r.pause(time.Second)/time.Second))
	}
	if want := "[1 2 4 8 16 30 30 30]"; fmt.Sprint(got) != want {
		t.Errorf("pauses in seconds: %v, want %s", got, want)
	}
	for range 100 {
		r.pause(0)
	}
	if p := r.pause(0); p != lastPause {
		t.Errorf("after a hundred short lives: %s", p)
	}
	if p := r.pause(2 * longLife); p != time.Second {
		t.Errorf("after a long life: %s", p)
	}
}

// TestLastWords reads why a server ended out of what it left.
func TestLastWords(t *testing.T) {
	for _, c := range []struct{ log, want string }{
		{"", ""},
		{`{"level":"ERROR","msg":"a round failed","error":"host-1"}` + "\n", ""},
		{`{"level":"ERROR","msg":"ended","error":"no role"}` + "\n" + `{"msg":"later"}` + "\n", "no role"},
		{"panic: a nest\n\ngoroutine 1 [running]:\nmain.main()\n", "panic: a nest\n"},
		{"SIGSEGV: segmentation violation\nPC=0x0\n", "SIGSEGV: segmentation violation\n"},
		{`{"msg":"cut sho`, ""},
	} {
		if got := lastWords([]byte(c.log)); got != c.want {
			t.Errorf("%q: %q, want %q", c.log, got, c.want)
		}
	}
	if line := oneLine(errors.New("first\nsecond " + strings.Repeat("é", 300))); strings.Contains(line, "\n") || len(line) > mostReason+3 {
		t.Errorf("%d bytes: %q", len(line), line)
	}
}

// lockedBuffer is written by one and read by another.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
