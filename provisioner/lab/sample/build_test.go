package sample_test

import (
	"context"
	"os"
	"testing"

	"volary.dev/provisioner/lab/sample"
)

func TestBuildIsCached(t *testing.T) {
	if testing.Short() {
		t.Skip("builds an image from Debian packages")
	}
	dir := cacheDir(t)
	first, err := sample.Build(t.Context(), dir, func(s string) { t.Log(s) })
	if err != nil {
		t.Fatal(err)
	}
	steps := 0
	second, err := sample.Build(context.Background(), dir, func(string) { steps++ })
	if err != nil || second != first || steps != 0 {
		t.Fatalf("second build = %q, %v after %d steps; want the cached %q", second, err, steps, first)
	}
	info, err := os.Stat(first)
	if err != nil {
		t.Fatal(err)
	}
	if info.Size() > 60<<20 {
		t.Errorf("image has %d bytes, want at most 60 MB", info.Size())
	}
}
