package uploads

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"

	"volary.dev/store/blob"
)

// leaving is of an asker who leaves after some looks at whether they are there.
type leaving struct {
	context.Context
	looks int
}

func (l *leaving) Err() error {
	if l.looks--; l.looks < 0 {
		return context.Canceled
	}
	return nil
}

// Whatever is asked, in any order and by whoever leaves, each block is computed once: who sees another file under the same name
// tells what was computed again.
func TestSumsAreComputedOnce(t *testing.T) {
	root := t.TempDir()
	blobs, err := blob.OpenDirectory(root)
	if err != nil {
		t.Fatal(err)
	}
	const upload = "0123456789abcdef0123456789abcdef"
	name, s := filepath.Join(root, "uploads", upload), newSums(blobs.Uploads())
	write := func(b string) {
		if err := os.WriteFile(name, bytes.Repeat([]byte(b), 3*sumBlock+5), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("a")
	if _, err := s.of(&leaving{t.Context(), 2}, upload, 0, 3*sumBlock, 0); err == nil {
		t.Fatal("who left was answered")
	}
	kept, err := os.ReadFile(name + ".sums")
	if err != nil || len(kept) != 2*32 {
		t.Fatalf("of two blocks %d bytes of sums are kept, %v", len(kept), err)
	}
	write("b") // computed from now on
	last, err := s.of(t.Context(), upload, 2, 3*sumBlock+5, 64)
	if err != nil || len(last) != 2 {
		t.Fatalf("the last two: %d, %v", len(last), err)
	}
	write("c")
	again, err := s.of(t.Context(), upload, 0, 3*sumBlock+5, 64)
	switch {
	case err != nil || len(again) != 4:
		t.Fatalf("all: %d, %v", len(again), err)
	case again[0] != again[1] || again[1] == again[2]:
		t.Error("what was computed for who left is computed again")
	case again[2] != last[0]:
		t.Error("what was asked for out of order is computed again")
	case again[3] == last[1]:
		t.Error("a short block is kept")
	}
	if len(s.making) != 0 {
		t.Errorf("%d places are not given back", len(s.making))
	}
}
