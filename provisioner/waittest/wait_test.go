package waittest

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// TestLongWaitsAreWrittenDown waits in each way, shortly and long, by a clock that costs nothing.
func TestLongWaitsAreWrittenDown(t *testing.T) {
	file := filepath.Join(t.TempDir(), "waits")
	t.Setenv(Variable, file)
	synctest.Test(t, func(t *testing.T) {
		later := func(d time.Duration) (chan int, time.Time) {
			c := make(chan int, 1)
			time.AfterFunc(d, func() { c <- 7 })
			return c, time.Now().Add(d)
		}
		for _, d := range []time.Duration{noticed / 2, time.Minute} {
			_, at := later(d)
			Until(t, "until", func() bool { return !time.Now().Before(at) })
			c, _ := later(d)
			if n, open := Receive(t, "receive", c); n != 7 || !open {
				t.Errorf("received %d, %t", n, open)
			}
			c, _ = later(d)
			ctx, done := Context(t.Context(), t, "context")
			select {
			case <-c:
			case <-ctx.Done():
				t.Error("the context ended first")
			}
			done()
			if ctx.Err() == nil {
				t.Error("the context goes on")
			}
		}
	})
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var whats []string
	for line := range strings.Lines(string(b)) {
		var w Wait
		if err := json.Unmarshal([]byte(line), &w); err != nil {
			t.Fatal(err)
		}
		if w.Package != "provisioner/waittest" || w.Test != t.Name() || w.Seconds < 60 || w.Seconds > 61 || w.Limit != Limit.Seconds() {
			t.Errorf("written down: %+v", w)
		}
		whats = append(whats, w.What)
	}
	if got := strings.Join(whats, " "); got != "until receive context" {
		t.Errorf("written down: %s", got)
	}
}

// failing takes what a test would fail with; its Fatal goes on, since there is no test to end.
type failing struct {
	testing.TB
	said []string
}

func (f *failing) Helper()        {}
func (f *failing) Error(a ...any) { f.said = append(f.said, a[0].(string)) }
func (f *failing) Fatal(a ...any) { f.Error(a...); panic(f) }

// TestWaitsInVain waits for what never comes: each way ends after Limit, not before, and says what it waited for.
func TestWaitsInVain(t *testing.T) {
	for name, wait := range map[string]func(t testing.TB){
		"until":   func(t testing.TB) { Until(t, "a bird", func() bool { return false }) },
		"receive": func(t testing.TB) { Receive(t, "a bird", make(chan int)) },
		"context": func(t testing.TB) { ctx, done := Context(context.Background(), t, "a bird"); <-ctx.Done(); done() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv(Variable, filepath.Join(t.TempDir(), "waits")) // its clock is not the real one: no such wait was long
			synctest.Test(t, func(t *testing.T) {
				f, begun := &failing{TB: t}, time.Now()
				func() {
					defer func() { _ = recover() }()
					wait(f)
				}()
				if len(f.said) != 1 || f.said[0] != "waited 5m0s in vain: a bird" {
					t.Errorf("it said %q", f.said)
				}
				if took := time.Since(begun); took < Limit || took > Limit+time.Second {
					t.Errorf("it took %s", took)
				}
			})
		})
	}
}

// A context whose parent ended is no wait in vain.
func TestContextsEndWithTheirParent(t *testing.T) {
	parent, end := context.WithCancel(t.Context())
	f := &failing{TB: t}
	ctx, done := Context(parent, f, "a bird")
	end()
	<-ctx.Done()
	done()
	if len(f.said) != 0 {
		t.Errorf("it said %q", f.said)
	}
}
