package main

import (
	"context"
	"path/filepath"
)

// program is the path of one of our built binaries.
func (v *volary) program(name string) string {
	if v.programs != "" {
		return filepath.Join(v.programs, name)
	}
	return v.path("bin", name)
}

// build builds the named programs; the worker with libvirt where its headers are.
func (c checkout) build(ctx context.Context, names ...string) error {
	args := append([]string{"build", "-o", c.path("bin") + string(filepath.Separator)}, buildTags()...)
	for _, n := range names {
		args = append(args, "./cmd/"+n)
	}
	return runQuietly(ctx, c.root, "go", args...)
}

// buildInBackground builds while PostgreSQL starts.
func (v *volary) buildInBackground(ctx context.Context) <-chan error {
	done := make(chan error, 1)
	if v.programs != "" {
		done <- nil
		return done
	}
	go func() { done <- v.build(ctx, "web", "worker", "volary") }()
	return done
}

func (v *volary) buildNote() string {
	if v.programs != "" || libvirtHeaders() {
		return ""
	}
	return "without libvirt: its headers are not installed"
}
