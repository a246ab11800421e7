package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"

	"volary.dev/cmd/internal/child"
	"volary.dev/provisioner/lab"
)

type downCommand struct {
	State string `help:"Folder that up was given instead of the checkout's .volary." type:"path"`
}

// Run ends the up of this checkout and sweeps what a killed one may have left.
func (d downCommand) Run(ctx context.Context) error {
	c, err := openState(d.State)
	if err != nil {
		return err
	}
	s := newSteps(os.Stdout)
	r, alive := c.readRunning()
	if alive {
		if err := s.do("Stop", func() (string, error) { return "", endRun(r) }); err != nil {
			return err
		}
	}
	free, err := c.awaitLock("up.lock", stopLimit)
	if err != nil {
		return fmt.Errorf("%s: %w", c.path("up.lock"), err)
	}
	defer free()
	swept, err := sweep(ctx, c)
	if err != nil {
		return err
	}
	switch {
	case alive || swept > 0:
		fmt.Println("Volary is down. Its data stays in .volary/.")
	default:
		fmt.Println("Volary was not up; nothing of it was left behind.")
	}
	return c.forgetRunning()
}

// stopLimit is how long an up may take to end in order.
const stopLimit = 30 * time.Second

func endRun(r running) error {
	if err := syscall.Kill(r.PID, syscall.SIGTERM); errors.Is(err, syscall.EPERM) {
		return fmt.Errorf("process %d belongs to another account: run as that one or as root", r.PID)
	}
	gone := func() bool { return child.StartTime(r.PID) != r.StartTime }
	if child.AwaitEnd(gone, stopLimit) {
		return nil
	}
	_ = syscall.Kill(r.PID, syscall.SIGKILL)
	if !child.AwaitEnd(gone, stopLimit) {
		return fmt.Errorf("process %d does not end, even by SIGKILL", r.PID)
	}
	return nil
}

// sweep removes what a lab left; the lock is held, so whatever there is belongs to nobody. A lab that was killed a
// moment ago holds its folder until its last process is gone.
func sweep(ctx context.Context, c checkout) (int, error) {
	if os.Geteuid() != 0 {
		return 0, nil // no lab without root
	}
	var left []lab.Leftover
	var err error
	child.AwaitEnd(func() bool {
		left, err = lab.Sweep(ctx, c.path("lab"))
		return !errors.Is(err, lab.ErrInUse)
	}, stopLimit)
	if err != nil {
		return 0, err
	}
	for _, l := range left {
		fmt.Printf("Removed what was left: %s.\n", l)
	}
	return len(left), nil
}
