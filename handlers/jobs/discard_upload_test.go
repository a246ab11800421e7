package jobs_test

import (
	"context"
	"errors"
	"testing"

	"volary.dev/handlers/loops/loopstest"
	"volary.dev/provisioner"
	"volary.dev/store/blob"
)

func TestDiscardUploadRemovesBytes(t *testing.T) {
	u := loopstest.Upload(t, loopstest.BootSectorDisk()) // which waits for its verdict
	work := u.Discard()
	for range 2 { // as after a worker that died when all was done
		loopstest.NoError(t, work())
	}
	if !u.BytesGone() {
		t.Error("the uploaded bytes are there still")
	}
	if err := u.Work(t.Context(), 1); err != nil {
		t.Errorf("the verification of an upload that is gone: %v", err)
	}
}

// noting are blobs that remember what was taken in.
type noting struct {
	onBlobs
	keys []string
}

func (n *noting) Adopt(ctx context.Context, key, path string) error {
	n.keys = append(n.keys, key)
	return n.onBlobs.Adopt(ctx, key, path)
}

// TestUploadDiscardedUnderItsVerification leaves no bytes behind. RemoveUpload refuses while the job runs: here it comes in the
// moment before that is seen, and between the last look and the verdict.
func TestUploadDiscardedUnderItsVerification(t *testing.T) {
	for _, late := range []bool{false, true} {
		u := loopstest.Upload(t, loopstest.BootSectorDisk())
		discard := func() { loopstest.NoError(t, u.DB.Models.RemoveUpload(t.Context(), u.Org, u.Person, u.ID)) }
		adopted := 0
		blobs := &noting{onBlobs: onBlobs{Directory: u.Blobs}}
		if late {
			blobs.adopted = func() { adopted++; discard() }
		} else {
			blobs.opened, blobs.adopted = discard, func() { adopted++ }
		}
		u.Job.Blobs = blobs
		loopstest.NoError(t, u.Work(t.Context(), 1))
		if late != (adopted == 1) {
			t.Errorf("discarded late %t: %d canonical forms were taken in", late, adopted)
		}
		if list, err := u.DB.Models.ImagesOfUpload(t.Context(), u.Org, u.ID); err != nil || len(list) != 0 {
			t.Errorf("images of an upload that is gone: %v, %v", list, err)
		}
		for _, key := range blobs.keys {
			if _, _, err := u.Blobs.Open(t.Context(), key); !errors.Is(err, blob.ErrNotFound) {
				t.Errorf("discarded late %t: %s is kept, %v", late, key, err)
			}
		}
	}
}

// A worker that was older may ask for the check of what has not arrived.
func TestVerifyUploadThatArrives(t *testing.T) {
	u := loopstest.Upload(t, loopstest.BootSectorDisk())
	_, err := u.Pool.Exec(t.Context(), `UPDATE uploads SET state = 'arriving', finished_at = NULL, finished_by = NULL`)
	loopstest.NoError(t, err)
	loopstest.NoError(t, u.Work(t.Context(), 1))
	if i := u.Read(); i.State != provisioner.UploadArriving || u.BytesGone() {
		t.Errorf("upload = %+v, its bytes are gone: %t", i, u.BytesGone())
	}
}
