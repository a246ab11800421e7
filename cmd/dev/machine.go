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
