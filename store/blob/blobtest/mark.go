package blobtest

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	tus "github.com/tus/tusd/v2/pkg/handler"

	"volary.dev/store/blob"
)

func unmark(t *testing.T, root string) {
	t.Helper()
	if err := os.Remove(filepath.Join(root, blob.Mark)); err != nil {
		t.Fatal(err)
	}
}

// unmarked is a place in whose stead another one stands: nothing is said of what is in the store, and nothing is written.
func unmarked(t *testing.T, p blob.Place, root string) {
	unmark(t, root)
	key, file := imageKey(t, Digest), filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("test"), 0o600); err != nil {
		t.Fatal(err)
	}
	uploads := p.Uploads()
	_, put := p.Put(t.Context(), key, strings.NewReader("test"))
	_, _, opened := p.Open(t.Context(), key)
	_, _, whole := p.Open(t.Context(), blob.UploadKey(id))
	_, _, local := p.Local(t.Context(), key)
	_, _, listed := p.List(t.Context(), "images", "")
	_, progress := uploads.Progress(t.Context(), id)
	_, ranged := uploads.Range(t.Context(), id, 0, 1)
	_, sums := uploads.Sums(t.Context(), id)
	_, room := uploads.Room(t.Context())
	_, begun := uploads.Tus().NewUpload(t.Context(), tus.FileInfo{ID: id, Size: 4})
	_, gone := uploads.Tus().GetUpload(t.Context(), id)
	for what, err := range map[string]error{
		"Put": put, "Adopt": p.Adopt(t.Context(), key, file), "Open": opened, "Open of an upload": whole, "Local": local, "Delete": p.Delete(t.Context(), key),
		"List": listed, "Progress": progress, "Range": ranged, "Sums": sums, "KeepSums": uploads.KeepSums(t.Context(), id, []byte("x")), "Room": room,
		"NewUpload": begun, "GetUpload": gone, "Discard": uploads.Discard(t.Context(), id),
	} {
		if !errors.Is(err, blob.ErrAway) || errors.Is(err, blob.ErrNotFound) || errors.Is(err, tus.ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if was, err := p.Kept(t.Context()); was || err != nil {
		t.Errorf("a place without anything is a store: %v, %v", was, err)
	}
	for _, part := range []string{"images", "uploads", "partial"} {
		if left, err := os.ReadDir(filepath.Join(root, part)); len(left) != 0 || err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s has %d files: %v", part, len(left), err)
		}
	}
	if err := p.Begin(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, _, err := p.Open(t.Context(), key); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("begun anew: %v", err)
	}
}

// kept is a place of before there were marks: it gets its own where anything is in it, and has it from then on.
func kept(t *testing.T, p blob.Place, root string) {
	for _, key := range []string{imageKey(t, Digest), blob.UploadKey(id)} {
		must[int64](t)(p.Put(t.Context(), key, strings.NewReader("test")))
		unmark(t, root)
		for range 2 { // by what is in it, and by its mark alone
			if was, err := p.Kept(t.Context()); !was || err != nil {
				t.Errorf("with %s: %v, %v", key, was, err)
			}
			if err := p.Delete(t.Context(), key); err != nil {
				t.Error(err)
			}
		}
	}
}
