package jobs_test

import (
	"context"
	"testing"

	"volary.dev/handlers/loops/loopstest"
	"volary.dev/provisioner/waittest"
	"volary.dev/store/blob"
)

func TestDeleteImageRemovesBytes(t *testing.T) {
	u := loopstest.Upload(t, loopstest.BootSectorDisk())
	loopstest.NoError(t, u.Work(t.Context(), 1))
	first := u.Made()
	u.Again(loopstest.BootSectorDisk())
	loopstest.NoError(t, u.Work(t.Context(), 1))
	second := u.Made()
	if first.CanonicalDigest != second.CanonicalDigest || !u.Keeps(first.CanonicalDigest) {
		t.Fatalf("two images of the same bytes: %+v, %+v", first, second)
	}
	loopstest.NoError(t, u.Remove(first)())
	if !u.Keeps(second.CanonicalDigest) {
		t.Error("the bytes of another image are gone")
	}
	work := u.Remove(second)
	for range 2 { // as after a worker that died when all was done
		loopstest.NoError(t, work())
	}
	if u.Keeps(second.CanonicalDigest) {
		t.Error("the bytes of the last image are there still")
	}
}

// onBlobs does something between two steps of a verification.
type onBlobs struct {
	*blob.Directory
	opened, adopted func()
}

func (b onBlobs) Local(ctx context.Context, key string) (string, func(), error) {
	if b.opened != nil {
		b.opened()
	}
	return b.Directory.Local(ctx, key)
}

func (b onBlobs) Adopt(ctx context.Context, key, path string) error {
	err := b.Directory.Adopt(ctx, key, path)
	if b.adopted != nil {
		b.adopted()
	}
	return err
}

// TestBytesBroughtAnewStay has the same bytes verified anew while the job that removes them waits, and while it works: at
// the moment in which the file is there and no row names it.
func TestBytesBroughtAnewStay(t *testing.T) {
	u := loopstest.Upload(t, loopstest.BootSectorDisk())
	loopstest.NoError(t, u.Work(t.Context(), 1))
	old := u.Made()
	work := u.Remove(old)
	u.Again(loopstest.BootSectorDisk())
	ended := make(chan error, 1)
	u.Job.Blobs = onBlobs{Directory: u.Blobs, adopted: func() {
		go func() { ended <- work() }()
		waittest.Until(t, "the removal waits, or has been done", func() bool {
			var waits bool
			loopstest.NoError(t, u.Pool.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
				AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))`).Scan(&waits))
			return waits || len(ended) > 0
		})
	}}
	loopstest.NoError(t, u.Work(t.Context(), 1))
	loopstest.NoError(t, <-ended)
	if i := u.Made(); i.CanonicalDigest != old.CanonicalDigest || !u.Keeps(i.CanonicalDigest) {
		t.Errorf("the new image is %+v, its bytes are kept %t", i, u.Keeps(i.CanonicalDigest))
	}
	loopstest.NoError(t, work())
	if !u.Keeps(old.CanonicalDigest) {
		t.Error("a later removal took the bytes of an image")
	}
}
