package main

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"

	"volary.dev/cmd/internal/child"
	"volary.dev/provisioner/waittest"
)

// burdenParent has a test's program start a load, say its processes, and stay.
const burdenParent = "VOLARY_TEST_BURDEN"

func burdenParentMain() {
	if os.Getenv(burdenParent) == "" {
		return
	}
	b, err := startBurden(2, 64)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	for _, p := range b.parts {
		fmt.Print(p.PID(), " ")
	}
	fmt.Println()
	select {}
}

// TestABusyMachine holds that the load is one: the loops run, at our own nice value, and the memory is held.
func TestABusyMachine(t *testing.T) {
	b, err := startBurden(2, 64)
	if err != nil {
		t.Fatal(err)
	}
	defer b.stop()
	own, err := syscall.Getpriority(syscall.PRIO_PROCESS, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, loop := range b.parts[1:] {
		waittest.Until(t, "a loop to use a core", func() bool { return ticks(t, loop.PID()) >= 10 })
		if nice, err := syscall.Getpriority(syscall.PRIO_PROCESS, loop.PID()); err != nil || nice != own {
			t.Errorf("a loop runs at priority %d, %v; we at %d", nice, err, own)
		}
	}
	if mib := residentMiB(t, b.parts[0].PID()); mib < 64 || mib > 128 {
		t.Errorf("%d MiB are held, want 64 and what the program needs", mib)
	}
	if err := b.fault(); err != nil {
		t.Error(err)
	}
	if err := b.parts[0].Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-b.parts[0].Done()
	if err := b.fault(); err == nil || !strings.Contains(err.Error(), "not busy all the time") {
		t.Errorf("without its memory: %v", err)
	}
	b.stop()
	for _, p := range b.parts {
		if child.StartTime(p.PID()) != 0 {
			t.Errorf("process %d is still there", p.PID())
		}
	}
	if err := (*burden)(nil).fault(); err != nil {
		t.Errorf("no load: %v", err)
	}
}

// TestTheLoadEndsWithUs kills who made the load: nothing of it stays.
func TestTheLoadEndsWithUs(t *testing.T) {
	parent := exec.Command(os.Args[0])
	parent.Env = append(os.Environ(), burdenParent+"=1")
	parent.Stderr = os.Stderr
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	var pids [3]int
	if _, err := fmt.Sscan(line, &pids[0], &pids[1], &pids[2]); err != nil {
		t.Fatal(err)
	}
	started := map[int]uint64{}
	for _, pid := range pids {
		if started[pid] = child.StartTime(pid); started[pid] == 0 {
			t.Errorf("process %d does not run", pid)
		}
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = parent.Wait()
	for pid, at := range started {
		waittest.Until(t, "the end of a part of the load", func() bool { return child.StartTime(pid) != at })
	}
}

// TestTooSmallAMachine is told before anything is started, with the numbers.
func TestTooSmallAMachine(t *testing.T) {
	for _, c := range []struct {
		total, available int
		short, fits      bool
	}{
		{10000, 9000, false, false}, {10000, 9072, false, true}, {10000, 8047, true, false}, {10000, 8048, true, true},
	} {
		held, err := burdenFor(c.total, c.available, c.short)
		if (err == nil) != c.fits || (err == nil && held != 6000) || (err != nil && !strings.Contains(err.Error(), "6000 MiB (60 % of 10000)")) {
			t.Errorf("%+v: %d, %v", c, held, err)
		}
	}
}

// TestFlagsOfOursAreTakenOut leaves go test what is its own.
func TestFlagsOfOursAreTakenOut(t *testing.T) {
	rest, given := takeOut([]string{"-short", "--load", "-run", "X"}, "load")
	if got := strings.Join(rest, " "); got != "-short -run X" || !given {
		t.Errorf("%s, %t", got, given)
	}
	if _, given := takeOut(rest, "load"); given {
		t.Error("it was not given")
	}
}

// ticks is how much time a process has used.
func ticks(t *testing.T, pid int) (used int) {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(b), ") ")
	if _, err := fmt.Sscan(strings.Fields(rest)[11], &used); err != nil {
		t.Fatal(err)
	}
	return used
}

func residentMiB(t *testing.T, pid int) int {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		var kib int
		if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &kib); err == nil {
			return kib >> 10
		}
	}
	t.Fatalf("process %d says no VmRSS", pid)
	return 0
}
