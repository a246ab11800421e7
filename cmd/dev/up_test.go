package main

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"volary.dev/cmd/internal/child"
	"volary.dev/provisioner/lab"
	"volary.dev/provisioner/waittest"
)

// TestUpLeavesNothing starts everything as a newcomer does, and ends it in each way there is: killed, killed and started
// again, asked, and taken down from elsewhere. It chooses real hosts by itself: where it falls back to simulated ones the
// test has failed, for what is promised of a machine was not there. Those have a way of their own.
func TestUpLeavesNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("starts the lab")
	}
	dev := filepath.Join(t.TempDir(), "dev")
	if out, err := exec.Command("go", "build", "-o", dev, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	// The state is shared, so that each start finds what the one before has left.
	up := upRun{dev: dev, state: filepath.Join(t.TempDir(), "state"), kind: hostsLab}
	simulated := upRun{dev: dev, state: filepath.Join(t.TempDir(), "simulated"), kind: hostsMemory}
	for _, way := range []struct {
		name string
		up   upRun
		end  func(t *testing.T, r *exec.Cmd)
	}{
		{"killed", up, func(_ *testing.T, r *exec.Cmd) { _ = r.Process.Kill() }},
		{"killed again", up, func(_ *testing.T, r *exec.Cmd) { _ = r.Process.Kill() }},
		{"interrupted", up, func(_ *testing.T, r *exec.Cmd) { _ = r.Process.Signal(syscall.SIGINT) }},
		{"terminated", up, func(_ *testing.T, r *exec.Cmd) { _ = r.Process.Signal(syscall.SIGTERM) }},
		{"taken down", up, func(t *testing.T, _ *exec.Cmd) {
			if out, err := exec.Command(dev, "down", "--state", up.state).CombinedOutput(); err != nil {
				t.Errorf("down: %v: %s", err, out)
			}
		}},
		{"simulated", simulated, func(_ *testing.T, r *exec.Cmd) { _ = r.Process.Signal(syscall.SIGINT) }},
	} {
		t.Run(way.name, func(t *testing.T) {
			up := way.up
			run := up.start(t)
			family := descendants(run.Process.Pid)
			if len(family) < 3 {
				t.Errorf("only %d processes run", len(family))
			}
			way.end(t, run)
			_ = run.Wait()
			waittest.Until(t, "the end of every process", func() bool { return len(alive(family)) == 0 })
			// The kernel takes the links of a dead namespace away a moment after its last process.
			left := ""
			defer func() {
				if left != "" {
					t.Errorf("left: %s", left)
				}
			}()
			waittest.Until(t, "nothing to be left", func() bool { left = leftovers(t, up.state); return left == "" })
		})
	}
}

type upRun struct {
	dev, state string
	kind       hostKind
}

// start returns when the portal answers.
func (u upRun) start(t *testing.T) *exec.Cmd {
	t.Helper()
	port, err := child.FreePort(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(u.dev, "up", "--state", u.state, "--port", fmt.Sprint(port))
	if u.kind != hostsLab {
		cmd.Args = append(cmd.Args, "--hosts", string(u.kind))
	}
	cmd.Env = append(os.Environ(), "DATABASE_URL=")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	lines := bufio.NewScanner(out)
	var said []string
	for lines.Scan() {
		said = append(said, lines.Text())
		if u.kind == hostsLab && strings.Contains(lines.Text(), "imulated") {
			t.Fatalf("up has no real hosts here:\n%s", strings.Join(said, "\n"))
		}
		if strings.HasPrefix(lines.Text(), "Ctrl-C ends it") {
			go func() { // what it says later is of no interest, and must not block it
				for lines.Scan() {
				}
			}()
			return cmd
		}
	}
	t.Fatalf("up ended:\n%s", strings.Join(said, "\n"))
	return nil
}

// descendants are the processes below pid, with their start times.
func descendants(pid int) map[int]uint64 {
	parents := map[int]int{}
	dirs, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, d := range dirs {
		b, err := os.ReadFile(d)
		if err != nil {
			continue
		}
		var p, parent int
		var state string
		text := string(b)
		_, _ = fmt.Sscan(text, &p)
		_, _ = fmt.Sscan(text[strings.LastIndexByte(text, ')')+1:], &state, &parent)
		parents[p] = parent
	}
	family := map[int]uint64{}
	for p := range parents {
		for up := p; up != 0; up = parents[up] {
			if up == pid {
				family[p] = child.StartTime(p)
			}
		}
	}
	return family
}

func alive(family map[int]uint64) (names []string) {
	for p, start := range family {
		if now := child.StartTime(p); now != 0 && now == start {
			name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", p))
			names = append(names, fmt.Sprintf("%d %s", p, strings.TrimSpace(string(name))))
		}
	}
	return names
}

func leftovers(t *testing.T, state string) string {
	t.Helper()
	left, err := lab.Leftovers(context.WithoutCancel(t.Context()), filepath.Join(state, "lab"))
	if err != nil {
		return err.Error()
	}
	mounts, _ := os.ReadFile("/proc/self/mountinfo")
	if strings.Contains(string(mounts), state) {
		return "a mount"
	}
	if len(left) > 0 {
		return fmt.Sprint(left)
	}
	return ""
}
