package bucket_test

import (
	"errors"
	"io"
	"strings"
	"testing"

	tus "github.com/tus/tusd/v2/pkg/handler"

	"volary.dev/store/blob"
	"volary.dev/store/blob/blobtest"
)

// A process that was stopped in the middle of an append, and goes on after another one has the lock, changes nothing of what that one wrote: not where
// both append to one place, not behind it, and not in what is whole.
func TestLateWriterChangesNothing(t *testing.T) {
	const id = "0123456789abcdef0123456789abcdef"
	place := blobtest.Serve(t).Place(t)
	store := place.Uploads().Tus()
	at := func() (u tus.Upload, offset int64) {
		u, err := store.GetUpload(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		info, err := u.GetInfo(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return u, info.Offset
	}
	if _, err := store.NewUpload(t.Context(), tus.FileInfo{ID: id, Size: 15}); err != nil {
		t.Fatal(err)
	}
	for n, part := range []string{"01234", "56789", "abcde"} {
		late, then := at()
		now, _ := at()
		if wrote, err := now.WriteChunk(t.Context(), then, strings.NewReader(part)); wrote != 5 || err != nil {
			t.Fatalf("who has the lock: %d, %v", wrote, err)
		}
		if wrote, err := late.WriteChunk(t.Context(), then, strings.NewReader("xxxx")); wrote != 0 || !errors.Is(err, tus.ErrMismatchOffset) {
			t.Errorf("part %d, who had it: %d bytes, %v", n, wrote, err)
		}
		if _, offset := at(); offset != then+5 {
			t.Errorf("%d bytes are here, want %d", offset, then+5)
		}
	}
	r, _, err := place.Open(t.Context(), blob.UploadKey(id))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if got, err := io.ReadAll(r); err != nil || string(got) != "0123456789abcde" {
		t.Errorf("%q, %v", got, err)
	}
}
