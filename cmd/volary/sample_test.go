package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
)

func TestSampleBuild(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "probe.qcow2")
	var c commands
	parser, err := kong.New(&c)
	noError(t, err)
	_, err = parser.Parse([]string{"sample", "build", path})
	noError(t, err)
	noError(t, os.WriteFile(path, []byte("the last one"), 0o600))
	var out bytes.Buffer
	noError(t, c.Sample.Build.run(t.Context(), &out, func(_ context.Context, work string, log func(string)) (string, error) {
		log("put the disk together")
		made := filepath.Join(work, "sample-0123.qcow2")
		return made, os.WriteFile(made, []byte("an image"), 0o600)
	}))
	if !strings.Contains(out.String(), "put the disk together\n") || !strings.Contains(out.String(), "VOLARY_PROBE_IMAGE="+path) {
		t.Errorf("it said %q", out.String())
	}
	content, err := os.ReadFile(path)
	noError(t, err)
	info, err := os.Stat(path)
	noError(t, err)
	if string(content) != "an image" || info.Mode().Perm() != 0o644 {
		t.Errorf("%q with mode %s", content, info.Mode())
	}
	broken := errors.New("no net")
	if err := c.Sample.Build.run(t.Context(), &out, func(context.Context, string, func(string)) (string, error) { return "", broken }); !errors.Is(err, broken) {
		t.Errorf("a build that failed: %v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) != 1 {
		t.Errorf("%d files are left beside the image, which stays", len(left)-1)
	}
}

// TestSampleBuildSaysWhatItLacks runs the build where none of its tools is.
func TestSampleBuildSaysWhatItLacks(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	dir := t.TempDir()
	if err := (buildSample{Path: filepath.Join(dir, "probe.qcow2")}).Run(t.Context()); err == nil || !strings.Contains(err.Error(), "qemu-img not found") && !strings.Contains(err.Error(), "mke2fs") {
		t.Errorf("%v", err)
	}
	if left, _ := os.ReadDir(dir); len(left) > 0 {
		t.Errorf("%d files are left", len(left))
	}
}
