package waittest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Limit bounds one wait. Nothing takes that long unless it hangs.
const Limit = 5 * time.Minute

// Variable names the file that waits are appended to, each a line of JSON. Without it none is written.
const Variable = "VOLARY_TEST_WAITS"

// noticed is from when on a wait is written down.
const noticed = 100 * time.Millisecond

// Wait is a line of the file.
type Wait struct {
	Package string
	Test    string
	What    string
	Seconds float64
	Limit   float64 // seconds
}

// Until asks until met, and ends the test where that takes longer than Limit.
func Until(t testing.TB, what string, met func() bool) {
	t.Helper()
	done := Measure(t, what)
	begun, pause := time.Now(), time.NewTimer(0)
	defer pause.Stop()
	for !met() {
		waited := time.Since(begun)
		if waited > Limit {
			done()
			t.Fatal(inVain(what))
		}
		// Often at first, since most comes soon; who waits for long does not keep what it waits for from working.
		pause.Reset(min(max(waited/10, time.Millisecond), 100*time.Millisecond))
		<-pause.C
	}
	done()
}

// Receive takes the next value of a channel; open is false where the channel was closed. It ends the test where neither
// happens within Limit.
func Receive[T any](t testing.TB, what string, from <-chan T) (value T, open bool) {
	t.Helper()
	defer Measure(t, what)()
	late := time.NewTimer(Limit)
	defer late.Stop()
	select {
	case value, open = <-from:
	case <-late.C:
		t.Fatal(inVain(what))
	}
	return value, open
}

// Context is for calls that wait themselves: it ends after Limit, which is a fault of the test, and with parent. The caller calls
// done when what it waited for is there.
func Context(parent context.Context, t testing.TB, what string) (ctx context.Context, done context.CancelFunc) {
	t.Helper()
	measured := Measure(t, what)
	ctx, cancel := context.WithTimeout(parent, Limit) //nolint:forbidigo // this is the limit
	return ctx, func() {
		t.Helper()
		if errors.Is(ctx.Err(), context.DeadlineExceeded) && parent.Err() == nil {
			t.Error(inVain(what))
		}
		cancel()
		measured()
	}
}

// Measure is for a wait that has a deadline of its own, which is to be Limit. The caller calls done when it is over.
func Measure(t testing.TB, what string) (done func()) {
	begun, from := time.Now(), caller()
	return func() {
		if took := time.Since(begun); took >= noticed {
			note(t, Wait{Package: from, Test: t.Name(), What: what, Seconds: took.Seconds(), Limit: Limit.Seconds()})
		}
	}
}

func inVain(what string) string { return fmt.Sprintf("waited %s in vain: %s", Limit, what) }

// caller is the package of the test that waits, found by its file on the stack.
func caller() string {
	pcs := make([]uintptr, 30)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(2, pcs)])
	for {
		f, more := frames.Next()
		if strings.HasSuffix(f.File, "_test.go") {
			folder, name := path.Split(f.Function)
			name, _, _ = strings.Cut(name, ".")
			_, folder, _ = strings.Cut(folder, "/") // the module's name
			return folder + strings.TrimSuffix(name, "_test")
		}
		if !more { // of a goroutine that a helper started
			return strings.TrimSuffix(filepath.Base(os.Args[0]), ".test")
		}
	}
}

// note appends by the kernel's calls and not by package os: what os opens and reads in a test counts as an input of it, and
// `go test` would never take its result from its cache again. A short line is appended whole, whoever writes beside it.
func note(t testing.TB, w Wait) {
	file, found := syscall.Getenv(Variable)
	if !found {
		return
	}
	line, err := json.Marshal(w)
	if err != nil {
		t.Errorf("note a wait: %v", err)
		return
	}
	fd, err := syscall.Open(file, syscall.O_APPEND|syscall.O_CREAT|syscall.O_WRONLY|syscall.O_CLOEXEC, 0o644)
	if err != nil {
		t.Errorf("note a wait in %s: %v", file, err)
		return
	}
	defer syscall.Close(fd) //nolint:errcheck // each line was written, or that is said
	if _, err := syscall.Write(fd, append(line, '\n')); err != nil {
		t.Errorf("note a wait in %s: %v", file, err)
	}
}
