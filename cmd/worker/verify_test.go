package main

import (
	"strings"
	"testing"
)

// TestVerifySaysWhatItLeaves names the folder of the canonical forms, and says nothing where there are none.
func TestVerifySaysWhatItLeaves(t *testing.T) {
	if got := leftIn([]string{"/scratch/image-1/a.qcow2", "/scratch/image-1/b.qcow2"}); !strings.Contains(got, "stays in /scratch/image-1: remove") {
		t.Errorf("of two images: %q", got)
	}
	if got := leftIn(nil); got != "" {
		t.Errorf("of none: %q", got)
	}
}
