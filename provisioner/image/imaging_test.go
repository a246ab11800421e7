package image

import (
	"context"
	"os"
	"strings"
	"testing"
)

// imagingOf begins to make the canonical form of a disk of at most so many bytes.
func imagingOf(t *testing.T, ctx context.Context, most int64) *imaging { //nolint:revive // the test is first
	t.Helper()
	w := &verification{v: &Verifier{Scratch: t.TempDir()}, ctx: ctx}
	if err := w.openScratch(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.result.Discard)
	m, err := (&disk{verification: w}).imageOf(most)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// A child that ends early holds up nobody who still has pieces to give, and says why.
func TestImagingEndsWithItsChild(t *testing.T) {
	noise := incompressible(20 << 20)
	give := func(m *imaging) {
		buf := make([]byte, guestPiece)
		for at := 0; at < len(noise); at += guestPiece {
			copy(buf, noise[at:])
			buf = m.guest.take(int64(at), buf)
		}
	}
	m := imagingOf(t, t.Context(), 0) // its file may have 16 MiB
	give(m)
	if _, err := m.finish(int64(len(noise))); err == nil || !strings.Contains(err.Error(), "It wrote more than 16 MiB.") {
		t.Errorf("beyond the largest file: %v", err)
	}
	ctx, stop := context.WithCancel(t.Context())
	m = imagingOf(t, ctx, int64(len(noise)))
	stop()
	give(m)
	if _, err := m.finish(int64(len(noise))); err == nil || !strings.Contains(err.Error(), context.Canceled.Error()) {
		t.Errorf("after the end of the whole: %v", err)
	}
	m = imagingOf(t, t.Context(), int64(len(noise)))
	give(m)
	m.abandon()
	m = imagingOf(t, t.Context(), int64(len(noise)))
	give(m)
	digest, err := m.finish(int64(len(noise)))
	if err != nil || digest != byTheBook(noise) {
		t.Errorf("%s, %v", digest, err)
	}
	if info, err := os.Stat(m.path); err != nil || info.Size() < int64(len(noise)) {
		t.Errorf("%v, %v", info, err)
	}
}
