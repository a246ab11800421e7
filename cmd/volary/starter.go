package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"volary.dev/provisioner/image"
	"volary.dev/provisioner/manifest"
	"volary.dev/provisioner/starter"
)

type starterCommand struct {
	Build buildStarter `cmd:"" help:"Make a starter model: its image and its document, to try, to upload, or to change. Needs Debian 12 on amd64 with mmdebstrap, e2fsprogs and qemu-utils, root, 6 GiB of disk, and the net."`
}

type buildStarter struct {
	Name string `arg:"" help:"slurm or htcondor."`
	Path string `arg:"" optional:"" help:"The folder for cluster.yaml and images/; NAME-starter without one. What lies there is replaced."`
}

// Run implements kong's command.
func (c buildStarter) Run(ctx context.Context) error {
	s, err := starter.Find(c.Name)
	if err != nil {
		return err
	}
	return c.run(ctx, os.Stdout, s, s.Build)
}

func (c buildStarter) run(ctx context.Context, out io.Writer, s starter.Starter, build func(context.Context, string, func(string)) error) error {
	folder := c.Path
	if folder == "" {
		folder = s.Name + "-starter"
	}
	if err := os.MkdirAll(filepath.Join(folder, "images"), 0o755); err != nil {
		return fmt.Errorf("starter model: %w", err)
	}
	disk, document := filepath.Join(folder, "images", s.Image()), filepath.Join(folder, "cluster.yaml")
	if err := build(ctx, disk, func(step string) { fmt.Fprintln(out, step) }); err != nil {
		return err
	}
	looked, err := image.Look(ctx, disk, image.DefaultLimits())
	if err != nil {
		return fmt.Errorf("starter model: %w", err)
	}
	if err := os.WriteFile(document, manifest.WriteYAML(s.Model(looked.GuestDigest)), 0o644); err != nil {
		return fmt.Errorf("starter model: %w", err)
	}
	_, err = fmt.Fprintf(out, "The starter model is %s, its image %s. Try it here with\nvolary try %[1]s\n", document, disk)
	return err
}
