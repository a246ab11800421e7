package main

import (
	"context"
	"errors"
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
