package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// endWithGoRun ends ctx where `go run` above us is killed: it passes neither SIGTERM nor its own death on.
func endWithGoRun(ctx context.Context) (context.Context, context.CancelFunc) {
	name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", os.Getppid()))
	if strings.TrimSpace(string(name)) != "go" {
		return context.WithCancel(ctx)
	}
	// SIGHUP, since a SIGTERM that was sent to both of us must not count as the second one. A closed terminal sends it
	// as well, and means the same.
	ctx, stop := signal.NotifyContext(ctx, syscall.SIGHUP)
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(syscall.SIGHUP), 0, 0, 0); err != nil {
		fmt.Fprintln(os.Stderr, "dev: a killed `go run` will not be noticed:", err)
	}
	return ctx, stop
}

// Needed space, of which most is for the lab's disks and the sample image.
const (
	labSpace    = 3 << 30
	memorySpace = 500 << 20
)

// spaceFor refuses to begin on a disk that is as good as full.
func (c checkout) spaceFor(kind hostKind) error {
	need := uint64(memorySpace)
	if kind == hostsLab {
		need = labSpace
	}
	var s unix.Statfs_t
	if err := unix.Statfs(c.path(), &s); err != nil {
		return fmt.Errorf("free space of %s: %w", c.path(), err)
	}
	if free := s.Bavail * uint64(s.Bsize); free < need {
		return fmt.Errorf("the disk that holds %s is nearly full: %d MiB are free and %d MiB are needed", c.path(), free>>20, need>>20)
	}
	return nil
}

// What the tests of lab and browser need at least: their machines, Chromium, PostgreSQL and the linker at once.
const (
	testMemoryMiB = 3 << 10
	testSpaceMiB  = 5 << 10
)

// machineFor says before anything is begun what this machine lacks for the tests. What it has changes while it runs (guests
// of ours may be another's neighbours): it is read now, and no test counts on having it all.
func machineFor(args []string) error {
	if isShort(args) {
		return nil
	}
	have, err := memoryMiB("/proc/meminfo", "MemAvailable")
	if err != nil {
		return err
	}
	if have < testMemoryMiB {
		return fmt.Errorf("%d MiB of memory are available and the tests of lab and browser need %d: end something, or leave them out with -short", have, testMemoryMiB)
	}
	var s unix.Statfs_t
	if err := unix.Statfs(os.TempDir(), &s); err != nil {
		return fmt.Errorf("free space of %s: %w", os.TempDir(), err)
	}
	if free := int(s.Bavail * uint64(s.Bsize) >> 20); free < testSpaceMiB {
		return fmt.Errorf("%d MiB are free in %s and the tests of lab and browser need %d: make room, name another folder by TMPDIR, or leave them out with -short", free, os.TempDir(), testSpaceMiB)
	}
	return nil
}

// memoryMiB reads one of the kernel's figures of memory: MemAvailable is what a program could get without swapping.
func memoryMiB(meminfo, figure string) (int, error) {
	b, err := os.ReadFile(meminfo)
	if err != nil {
		return 0, fmt.Errorf("memory of this machine: %w", err)
	}
	for line := range strings.Lines(string(b)) {
		var kib int
		if _, err := fmt.Sscanf(line, figure+": %d kB", &kib); err == nil {
			return kib >> 10, nil
		}
	}
	return 0, fmt.Errorf("memory of this machine: %s has no %s", meminfo, figure)
}

// describe puts what a person has to know first where the cause is the machine and not us.
func describe(err error, c checkout) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, context.Canceled):
		return fmt.Errorf("stopped by a signal before everything was done: %w", err)
	case errors.Is(err, syscall.ENOSPC), strings.Contains(err.Error(), "No space left on device"):
		return fmt.Errorf("the disk that holds %s is full: make room and start again (%w)", c.path(), err)
	case errors.Is(err, os.ErrPermission):
		return fmt.Errorf("no permission: run as the owner of %s, or as root (%w)", c.path(), err)
	default:
		return err
	}
}
