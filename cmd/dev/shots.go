package main

import (
	"context"
	"errors"
	"os"
	"os/exec"

	"volary.dev/cmd/internal/child"
)

type shotsCommand struct{}

// Run photographs the portal of the up that runs now.
func (shotsCommand) Run(ctx context.Context) error {
	c, err := findCheckout()
	if err != nil {
		return err
	}
	r, alive := c.readRunning()
	if !alive {
		return errors.New("nothing to photograph: `go run ./cmd/dev up` has to run in this checkout")
	}
	if err := ensurePackages(ctx, os.Stdout, browserPackages()); err != nil {
		return err
	}
	cmd := exec.Command("go", "run", "./cmd/dev/shots", r.URL, c.path("shots")) //nolint:noctx // child.Run ends it with ctx
	cmd.Dir = c.root
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	return child.Run(ctx, cmd)
}
