package jobs_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/riverqueue/river"

	"volary.dev/handlers/loops/loopstest"
	"volary.dev/provisioner"
	"volary.dev/provisioner/image"
	"volary.dev/store/blob"
	"volary.dev/store/blob/blobtest"
)

// An upload in a bucket is brought to the scratch folder where there is room, judged, and its canonical form goes to the bucket; nothing
// else is left anywhere.
func TestVerifyOverABucket(t *testing.T) {
	u, server := loopstest.Upload(t, loopstest.BootSectorDisk()), blobtest.Serve(t)
	server.Options.Scratch = u.Job.Verifier.Scratch
	room := false
	server.Options.Reserve = func(folder string, bytes int64) (func(), error) {
		if !room {
			return nil, &image.NoRoomError{Folder: "the folder in which images are checked", Need: bytes, Free: 1, Total: 1 << 40}
		}
		return u.Job.Verifier.Reserve(folder, bytes)
	}
	place := server.Place(t)
	u.Job.Blobs = place
	if _, err := place.Put(t.Context(), blob.UploadKey(loopstest.UploadID), strings.NewReader(string(loopstest.BootSectorDisk()))); err != nil {
		t.Fatal(err)
	}
	var later *river.JobSnoozeError
	if err := u.Work(t.Context(), 1); !errors.As(err, &later) {
		t.Errorf("without room: %v", err)
	}
	if up := u.Read(); up.State != provisioner.UploadChecking || !strings.Contains(up.Reason, "tried again") {
		t.Errorf("the upload waits as %s: %s", up.State, up.Reason)
	}
	room = true
	loopstest.NoError(t, u.Work(t.Context(), 1))
	if up := u.Read(); up.State != provisioner.UploadDone {
		t.Fatalf("the upload is %s: %s", up.State, up.Reason)
	}
	key, err := blob.ImageKey(u.Made().CanonicalDigest)
	loopstest.NoError(t, err)
	for folder, want := range map[string]string{"images": key, "uploads": ""} {
		list, _, err := place.List(t.Context(), folder, "")
		loopstest.NoError(t, err)
		var got string
		for _, l := range list {
			got += l.Key
		}
		if got != want {
			t.Errorf("%s has %q, want %q", folder, got, want)
		}
	}
	if left, err := os.ReadDir(server.Options.Scratch); err != nil || len(left) != 0 {
		t.Errorf("in the scratch folder is left %v, %v", left, err)
	}
}
