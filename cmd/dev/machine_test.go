package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestDescribeKeepsFailures holds that no failure becomes a success: a run of tests that was stopped has not passed.
func TestDescribeKeepsFailures(t *testing.T) {
	other := errors.New("another failure")
	for err, want := range map[error]string{
		errors.Join(other, context.Canceled): "stopped by a signal",
		syscall.ENOSPC:                       "is full",
		syscall.EACCES:                       "no permission",
		other:                                "another failure",
	} {
		if got := describe(err, checkout{}); got == nil || !strings.Contains(got.Error(), want) || !errors.Is(got, err) {
			t.Errorf("%v became %v, which does not say %q", err, got, want)
		}
	}
	if err := describe(nil, checkout{}); err != nil {
		t.Errorf("no failure became %v", err)
	}
}

// TestMemoryIsRead reads the kernel's own format, and this machine's.
func TestMemoryIsRead(t *testing.T) {
	file := filepath.Join(t.TempDir(), "meminfo")
	if err := os.WriteFile(file, []byte("MemTotal:       24689764 kB\nMemFree:         1048576 kB\nMemAvailable:    7340032 kB\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if got, err := memoryMiB(file, "MemAvailable"); got != 7<<10 || err != nil {
		t.Errorf("%d MiB, %v; want 7168", got, err)
	}
	if got, err := memoryMiB("/proc/meminfo", "MemTotal"); got <= 0 || err != nil {
		t.Errorf("this machine: %d MiB, %v", got, err)
	}
	if _, err := memoryMiB(os.DevNull, "MemTotal"); err == nil {
		t.Error("nothing was read, without an error")
	}
}
