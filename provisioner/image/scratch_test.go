package image

import (
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestScratchOfTheDeadIsRemoved(t *testing.T) {
	parent := t.TempDir()
	held, err := newScratch(parent)
	if err != nil {
		t.Fatal(err)
	}
	dead := filepath.Join(parent, "image-dead")
	other := filepath.Join(parent, "someone-else")
	for _, path := range []string{dead, other} {
		if err := os.MkdirAll(filepath.Join(path, "raw"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	sweepScratch(parent, time.Now().Add(-time.Hour))
	if _, err := os.Stat(dead); err != nil {
		t.Errorf("a young folder is gone: %v", err)
	}
	sweepScratch(parent, time.Now().Add(time.Hour))
	for path, want := range map[string]bool{held.path: true, dead: false, other: true} {
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) == want {
			t.Errorf("%s: there %t, want %t", path, !want, want)
		}
	}
	held.remove()
	if _, err := os.Stat(held.path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the folder outlives its use: %v", err)
	}
}
