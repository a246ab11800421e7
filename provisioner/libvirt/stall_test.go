//go:build libvirt

package libvirt

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/provisioner/drivertest"
	"volary.dev/provisioner/waittest"
)

// TestHostsHang freezes libvirtd on three hosts at once, each for another while, in the middle of calls. Nothing of the
// fourth host is lost, a console included, and each of the three is back a moment after its libvirtd. One round of it is
// short; `dev test -full` does twenty long ones.
func TestHostsHang(t *testing.T) {
	s := newSite(t, 4)
	rounds, stalls := 1, []time.Duration{7 * time.Second, 12 * time.Second, 20 * time.Second}
	if os.Getenv("VOLARY_TEST_FULL") != "" {
		rounds, stalls = 20, []time.Duration{12 * time.Second, 20 * time.Second, time.Minute}
	}
	guest := s.lonelyGuest(t, 3)
	watches := s.watch(t)
	for n := range rounds {
		before := watches[3].seen()
		var hung sync.WaitGroup
		for i, stall := range stalls {
			hung.Go(func() { s.hang(t, i, stall) })
		}
		over := make(chan struct{})
		go func() { hung.Wait(); close(over) }()
		typed := 0
		for tick := time.NewTicker(time.Second); ; typed++ {
			guest.can("run a command while other hosts hang", "true")
			select {
			case <-tick.C:
				continue
			case <-over:
			}
			tick.Stop()
			break
		}
		after := watches[3].seen()
		if after.good-before.good < 3 || typed < 3 || after.failed != nil {
			t.Errorf("round %d: the sound host answered %d times, its guest %d times, and failed with %v", n, after.good-before.good, typed, after.failed)
		}
		for i := range stalls {
			back := watches[i].awaitGood(t)
			if open := s.connections(t, i); open > callsAtOnce+mostOwed+uploadsAtOnce {
				t.Errorf("round %d: %d connections to host %d are open", n, open, i)
			}
			t.Logf("round %d: host %d, frozen for %s, answered %s later", n, i, stalls[i], back.Round(time.Millisecond))
		}
	}
}

// TestACrashInC ends the process that speaks with a host as the C library would, by SIGSEGV, in the middle of calls and
// of a console. The other host's rounds and its console go on, and this one is back within seconds.
func TestACrashInC(t *testing.T) {
	s := newSite(t, 2)
	sick, sound := s.lonelyGuest(t, 0), s.lonelyGuest(t, 1)
	watches := s.watch(t)
	for _, w := range watches {
		w.awaitGood(t)
	}
	before := watches[1].seen()
	if err := syscall.Kill(s.process(t, 0), syscall.SIGSEGV); err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if _, err := sick.until("never written"); err == nil || !strings.Contains(err.Error(), "ended") {
		t.Errorf("the console on the crashed line: %v", err)
	}
	watches[0].awaitGood(t)
	if took := time.Since(began); took > waittest.Limit {
		t.Errorf("the host was back after %s", took)
	}
	sound.can("run a command after another host's line crashed", "true")
	watches[1].awaitGood(t)
	if after := watches[1].seen(); after.failed != nil || after.good == before.good {
		t.Errorf("the other host: %d answers before, %d after, failed with %v", before.good, after.good, after.failed)
	}
	again := watchConsole(t, s.drivers[0], s.lonely[0]) // root is logged in still
	again.can("be used over a new line", "true")
}

// lonelyGuest starts a guest on a host and logs in.
func (s *site) lonelyGuest(t *testing.T, host int) *shell {
	t.Helper()
	network := drivertest.Network(uint32(501+host), s.lab.Hosts()[host].Underlay)
	n := provisioner.NodeSpec{
		ID: uuid.Must(uuid.NewV7()), ClusterID: network.ClusterID, Name: "head", MAC: network.Entries[0].MAC, ImageDigest: s.digest, VNI: network.VNI,
		Shape: provisioner.Shape{VCPUs: 1, MemoryMiB: 128, DiskGiB: 2}, Acceleration: provisioner.AccelerationTCG,
	}
	n.Seed = seedOf(t, n, network.Domain, network.Entries, "")
	d := s.drivers[host]
	if err := errors.Join(d.EnsureNetwork(t.Context(), network), d.EnsureNode(t.Context(), n)); err != nil {
		t.Fatal(err)
	}
	if s.lonely == nil {
		s.lonely = map[int]provisioner.NodeSpec{}
	}
	s.lonely[host] = n
	return login(t, d, n)
}

// daemonPID is libvirtd's process as its host numbers it.
func (s *site) daemonPID(t *testing.T, host int) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(s.lab.HostDir(host), "daemon"))
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(string(b))
}

// hang freezes a host's libvirtd for a while. Its listening socket takes connections all the time.
func (s *site) hang(t *testing.T, host int, stall time.Duration) {
	ctx, pid := t.Context(), s.daemonPID(t, host)
	if out, err := s.lab.Run(ctx, host, "kill", "-STOP", pid); err != nil {
		t.Errorf("%v: %s", err, out)
	}
	select {
	case <-time.After(stall): //nolint:forbidigo // so long the host hangs
	case <-ctx.Done():
	}
	if out, err := s.lab.Run(context.WithoutCancel(ctx), host, "kill", "-CONT", pid); err != nil {
		t.Errorf("%v: %s", err, out)
	}
}

// connections counts those to a host's libvirtd.
func (s *site) connections(t *testing.T, host int) int {
	t.Helper()
	out, err := s.lab.Run(t.Context(), host, "sh", "-c", "grep -c -E '^ *[0-9]+: [0-9A-F]+:407D [0-9A-F:]+ 01 ' /proc/net/tcp || true")
	if err != nil {
		t.Fatal(err)
	}
	n, err := strconv.Atoi(strings.TrimSpace(string(out)))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// process finds the one that speaks with a host by the connection that it has: among our own children, the one that knows
// the host's address.
func (s *site) process(t *testing.T, host int) int {
	t.Helper()
	all, err := filepath.Glob("/proc/self/task/*/children")
	if err != nil {
		t.Fatal(err)
	}
	want := s.lab.Hosts()[host].Underlay.As4()
	remote := fmt.Sprintf("%02X%02X%02X%02X:407D", want[3], want[2], want[1], want[0])
	tcp, err := os.ReadFile("/proc/self/net/tcp")
	if err != nil {
		t.Fatal(err)
	}
	inodes := map[string]bool{}
	for line := range strings.Lines(string(tcp)) {
		if f := strings.Fields(line); len(f) > 9 && f[2] == remote {
			inodes["socket:["+f[9]+"]"] = true
		}
	}
	for _, file := range all {
		b, _ := os.ReadFile(file)
		for _, pid := range strings.Fields(string(b)) {
			open, _ := filepath.Glob("/proc/" + pid + "/fd/*")
			for _, fd := range open {
				if target, _ := os.Readlink(fd); inodes[target] {
					n, _ := strconv.Atoi(pid)
					return n
				}
			}
		}
	}
	t.Fatalf("no process has a connection to host %d", host)
	return 0
}

// watch asks a host all the time, several calls at once, as a worker does for its rounds and clusters.
type watch struct {
	mu    sync.Mutex
	sight sight
	moved chan struct{}
}

// sight is what a watch has seen.
type sight struct {
	good   int   // answers
	failed error // a failure that is not an answer that came too late
}

// watch watches every host until the test ends.
func (s *site) watch(t *testing.T) []*watch {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var loops sync.WaitGroup
	t.Cleanup(func() { cancel(); loops.Wait() })
	var all []*watch
	for _, d := range s.drivers {
		w := &watch{moved: make(chan struct{})}
		all = append(all, w)
		for _, ask := range []func(context.Context) error{
			func(ctx context.Context) error { _, err := d.Observe(ctx); return err },
			func(ctx context.Context) error { _, err := d.Observe(ctx); return err },
			func(ctx context.Context) error { _, err := d.Addresses(ctx, 501); return err },
			func(ctx context.Context) error { _, err := d.Facts(ctx); return err },
		} {
			loops.Go(func() { w.loop(ctx, ask) })
		}
	}
	return all
}

func (w *watch) loop(ctx context.Context, ask func(context.Context) error) {
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for ctx.Err() == nil {
		one, stop := context.WithTimeout(ctx, oneCall) //nolint:forbidigo // one of many calls
		err := ask(one)
		stop()
		w.mu.Lock()
		switch {
		case err == nil:
			w.sight.good++
			close(w.moved)
			w.moved = make(chan struct{})
		case ctx.Err() == nil && !errors.Is(err, context.DeadlineExceeded):
			w.sight.failed = err
		}
		w.mu.Unlock()
		select {
		case <-ctx.Done():
		case <-tick.C:
		}
	}
}

func (w *watch) seen() sight {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.sight
}

// awaitGood waits for the next answer, and says how long that took.
func (w *watch) awaitGood(t *testing.T) time.Duration {
	t.Helper()
	began := time.Now()
	w.mu.Lock()
	moved := w.moved
	w.mu.Unlock()
	defer func() {
		if t.Failed() {
			t.Logf("the host's last failure: %v", w.seen().failed)
		}
	}()
	waittest.Receive(t, "the host's next answer", moved)
	return time.Since(began)
}
