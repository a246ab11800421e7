package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"volary.dev/provisioner/lab/sample"
)

type sampleCommand struct {
	Build buildSample `cmd:"" help:"Make the sample image, which checks of hosts boot: VOLARY_PROBE_IMAGE of the worker names it. Needs Debian 12 on amd64 with e2fsprogs and qemu-utils, root, and the net."`
}

type buildSample struct {
	Path string `arg:"" optional:"" default:"volary-probe.qcow2" help:"Where to put it; what lies there is replaced."`
}

// Run implements kong's command.
func (s buildSample) Run(ctx context.Context) error { return s.run(ctx, os.Stdout, sample.Build) }

// run makes the image beside its place and renames it last, so that a worker never reads a half.
func (s buildSample) run(ctx context.Context, out io.Writer, build func(context.Context, string, func(string)) (string, error)) error {
	to, err := filepath.Abs(s.Path)
	if err != nil {
		return fmt.Errorf("sample image: %w", err)
	}
	work, err := os.MkdirTemp(filepath.Dir(to), ".volary-sample-")
	if err != nil {
		return fmt.Errorf("sample image: %w", err)
	}
	defer os.RemoveAll(work)
	made, err := build(ctx, work, func(step string) { fmt.Fprintln(out, step) })
	if err != nil {
		return err
	}
	// The worker may run as somebody else.
	if err := os.Chmod(made, 0o644); err != nil {
		return fmt.Errorf("sample image: %w", err)
	}
	if err := os.Rename(made, to); err != nil {
		return fmt.Errorf("sample image: %w", err)
	}
	_, err = fmt.Fprintf(out, "The sample image is %s. Start the worker with\nVOLARY_PROBE_IMAGE=%s\n", to, to)
	return err
}
