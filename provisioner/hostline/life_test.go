package hostline

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/iotest"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/provisioner/waittest"
)

// TestACrashCostsOneHostItsCalls crashes one host's child by SIGSEGV in the middle of calls and a console: they fail as
// those of a host that does not answer, those of the other host go on, and this one is back at the next call.
func TestACrashCostsOneHostItsCalls(t *testing.T) {
	sick, well := dial(t, Options{}), dial(t, Options{})
	wellConsole, sickConsole := attach(t, well), attach(t, sick)
	waiting := make(chan error, 1)
	go func() {
		_, err := sick.Addresses(t.Context(), vniHang)
		waiting <- err
	}()
	before := observed(t, well)
	if _, err := sick.Addresses(t.Context(), vniCrash); !errors.Is(err, provisioner.ErrHostUnreachable) || !strings.Contains(provisioner.Cause(err), "ended") || strings.Contains(err.Error(), "ended") {
		t.Errorf("the call that crashed: %v", err)
	}
	if err := <-waiting; !errors.Is(err, provisioner.ErrHostUnreachable) {
		t.Errorf("a call beside it: %v", err)
	}
	if _, err := sickConsole.Read(make([]byte, 1)); !errors.Is(err, provisioner.ErrHostUnreachable) {
		t.Errorf("its console: %v", err)
	}
	if _, err := wellConsole.Write([]byte("still here")); err != nil {
		t.Error(err)
	}
	if b, err := io.ReadAll(io.LimitReader(wellConsole, 10)); string(b) != "still here" || err != nil {
		t.Errorf("the other host's console: %q, %v", b, err)
	}
	if after := observed(t, well); after != before {
		t.Errorf("the other host's child was %d and is %d", before, after)
	}
	observed(t, sick)
}

// TestAChildThatDiesAgainAndAgain is not started again at once each time, and its host is reached when it stops dying.
func TestAChildThatDiesAgainAndAgain(t *testing.T) {
	l := dial(t, Options{})
	put := 0
	for range 3 {
		if _, err := l.Addresses(t.Context(), vniCrash); !errors.Is(err, provisioner.ErrHostUnreachable) {
			t.Fatal(err)
		} else if strings.Contains(provisioner.Cause(err), "another is started in") {
			put++
		}
	}
	if put != 1 {
		t.Errorf("of three calls in a row that die at once %d were put off, want the third", put)
	}
	waittest.Until(t, "the host to be reached", func() bool {
		_, err := l.Observe(t.Context())
		return err == nil
	})
}

// TestACallThatNeverEndsIsBounded: its caller goes when its time is over, and its child when it owes the answer for long.
func TestACallThatNeverEndsIsBounded(t *testing.T) {
	l := dial(t, Options{Overdue: 500 * time.Millisecond})
	pid := observed(t, l)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond) //nolint:forbidigo // it is to pass
	defer cancel()
	if _, err := l.Addresses(ctx, vniHang); !errors.Is(err, provisioner.ErrHostUnreachable) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%v, want ErrHostUnreachable and DeadlineExceeded", err)
	}
	awaitEnd(t, pid)
	if now := observed(t, l); now == pid {
		t.Error("the child that owes an answer is still there")
	}
}

// TestALateAnswerIsNoFault: a host that is slow keeps its child, and what else is asked of it is answered.
func TestALateAnswerIsNoFault(t *testing.T) {
	l := dial(t, Options{Overdue: waittest.Limit})
	pid := observed(t, l)
	for range 3 {
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond) //nolint:forbidigo // it is to pass
		if _, err := l.Addresses(ctx, vniLate); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%v, want DeadlineExceeded", err)
		}
		cancel()
		if now := observed(t, l); now != pid {
			t.Fatalf("the child was %d and is %d", pid, now)
		}
	}
}

// TestNoOrphan: with the line its child goes, and what the child started.
func TestNoOrphan(t *testing.T) {
	for _, way := range []string{"closed", "crashed"} {
		t.Run(way, func(t *testing.T) {
			l := dial(t, Options{})
			pid := observed(t, l)
			found, err := l.Addresses(t.Context(), vniFamily)
			if err != nil {
				t.Fatal(err)
			}
			four := found["sleep"].As4()
			started := int(binary.BigEndian.Uint32(four[:]))
			if way == "closed" {
				l.Close()
			} else if _, err := l.Addresses(t.Context(), vniCrash); err == nil {
				t.Error("it did not crash")
			}
			awaitEnd(t, pid)
			awaitEnd(t, started)
			if _, err := l.Observe(t.Context()); way == "closed" && !errors.Is(err, provisioner.ErrHostUnreachable) {
				t.Errorf("after Close: %v", err)
			}
		})
	}
}

// TestAChildKnowsNoSecrets reads the environment that it was given.
func TestAChildKnowsNoSecrets(t *testing.T) {
	for name, value := range map[string]string{"DATABASE_URL": "postgres://secret", "PGPASSWORD": "secret", "VOLARY_SMTP_URL": "smtp://secret", "LIBVIRT_DEBUG": "4"} {
		t.Setenv(name, value)
	}
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", observed(t, dial(t, Options{}))))
	if err != nil {
		t.Fatal(err)
	}
	if text := string(b); strings.Contains(text, "secret") || !strings.Contains(text, "LIBVIRT_DEBUG=4") || !strings.Contains(text, "PATH=") {
		t.Errorf("its environment: %q", strings.ReplaceAll(text, "\x00", " "))
	}
}

// TestImageGoesThrough sends one that takes many frames, is asked for anew, and breaks off.
func TestImageGoesThrough(t *testing.T) {
	l := dial(t, Options{})
	image := strings.Repeat("a bird in a large cage ", 100_000)
	sum := sha256.Sum256([]byte(image))
	digest, size := hex.EncodeToString(sum[:]), int64(len(image))
	broken := errors.New("the store went away")
	opened, closed := 0, 0
	open := func(r io.Reader) func(context.Context) (io.ReadCloser, error) {
		return func(context.Context) (io.ReadCloser, error) {
			opened++
			return closing{r, func() { closed++ }}, nil
		}
	}
	err := l.EnsureImage(t.Context(), digest, size, open(io.MultiReader(strings.NewReader(image[:size/2]), iotest.ErrReader(broken))))
	if !errors.Is(err, broken) {
		t.Errorf("a source that breaks off: %v, want its own error", err)
	}
	err = l.EnsureImage(t.Context(), digest, size, func(context.Context) (io.ReadCloser, error) { return nil, broken })
	if !errors.Is(err, broken) {
		t.Errorf("a source that does not open: %v, want its own error", err)
	}
	if err := l.EnsureImage(t.Context(), digest, size, func(ctx context.Context) (io.ReadCloser, error) {
		return open(strings.NewReader(image))(ctx)
	}); err != nil {
		t.Error(err)
	}
	if opened != closed || opened != 3+3 {
		t.Errorf("opened %d times, closed %d times", opened, closed)
	}
}

type closing struct {
	io.Reader
	closed func()
}

// Close implements io.Closer.
func (c closing) Close() error { c.closed(); return nil }

func attach(t *testing.T, l *Line) io.ReadWriteCloser {
	t.Helper()
	ctx, done := waittest.Context(t.Context(), t, "a console")
	defer done() // what is attached outlasts the time it had for that
	c, err := l.Console(ctx, uuid.New())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// observed asks the host, and tells which process answered.
func observed(t *testing.T, l *Line) int {
	t.Helper()
	if _, err := l.Observe(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now.process.pid
}

func awaitEnd(t *testing.T, pid int) {
	t.Helper()
	waittest.Until(t, fmt.Sprintf("the end of process %d", pid), func() bool { return gone(pid) })
}

// gone counts one as gone that is dead and not buried: whoever adopted it has not looked yet.
func gone(pid int) bool {
	if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return true
	}
	b, err := os.ReadFile(filepath.Join("/proc", fmt.Sprint(pid), "stat"))
	if err != nil {
		return true
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	return strings.HasPrefix(rest, "Z")
}
