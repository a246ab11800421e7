package jobs_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"volary.dev/handlers/jobs"
	"volary.dev/provisioner"
	"volary.dev/store/blob"
	"volary.dev/store/models"
	"volary.dev/store/queue"
)

// again brings the same bytes once more, as another upload.
func (u *uploaded) again(content []byte) uuid.UUID {
	u.t.Helper()
	id := strings.ReplaceAll(uuid.NewString(), "-", "")
	noError(u.t, u.db.Models.CreateUpload(u.t.Context(), u.org, u.person, id, "disk.img", int64(len(content))))
	_, err := u.blobs.Put(u.t.Context(), blob.UploadKey(id), strings.NewReader(string(content)))
	noError(u.t, err)
	image, err := u.db.Models.FinishUpload(u.t.Context(), id, "")
	noError(u.t, err)
	return image
}

// remove deletes an image and gives the work that removes its bytes.
func (u *uploaded) remove(i models.Image) func() error {
	u.t.Helper()
	noError(u.t, u.db.Models.DeleteImage(u.t.Context(), u.org, u.person, i.ID))
	job := jobs.DeleteImage{Models: u.job.Models, Blobs: u.blobs, Log: slog.New(slog.DiscardHandler)}
	return func() error {
		return job.Work(u.t.Context(), &river.Job[queue.DeleteImage]{
			JobRow: &rivertype.JobRow{}, Args: queue.DeleteImage{ImageID: i.ID, UploadID: i.UploadID, CanonicalDigest: i.CanonicalDigest},
		})
	}
}

func (u *uploaded) keeps(digest string) bool {
	u.t.Helper()
	key, err := blob.ImageKey(digest)
	noError(u.t, err)
	r, _, err := u.blobs.Open(u.t.Context(), key)
	if errors.Is(err, blob.ErrNotFound) {
		return false
	}
	noError(u.t, err)
	noError(u.t, r.Close())
	return true
}

func TestDeleteImageRemovesBytes(t *testing.T) {
	u := upload(t, bootSectorDisk())
	noError(t, u.work(t.Context(), 1))
	first := u.read()
	u.image = u.again(bootSectorDisk())
	noError(t, u.work(t.Context(), 1))
	second := u.read()
	if first.CanonicalDigest != second.CanonicalDigest || !u.keeps(first.CanonicalDigest) {
		t.Fatalf("two images of the same bytes: %+v, %+v", first, second)
	}
	noError(t, u.remove(first)())
	if !u.keeps(second.CanonicalDigest) {
		t.Error("the bytes of another image are gone")
	}
	work := u.remove(second)
	for range 2 { // as after a worker that died when all was done
		noError(t, work())
	}
	if u.keeps(second.CanonicalDigest) {
		t.Error("the bytes of the last image are there still")
	}
}

func TestDeleteImageRemovesItsUpload(t *testing.T) {
	u := upload(t, bootSectorDisk()) // which waits for its verdict
	noError(t, u.remove(u.read())())
	if !u.bytesGone() {
		t.Error("the uploaded bytes are there still")
	}
	if err := u.work(t.Context(), 1); err != nil {
		t.Errorf("the verification of an image that is gone: %v", err)
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
	u := upload(t, bootSectorDisk())
	noError(t, u.work(t.Context(), 1))
	old := u.read()
	work := u.remove(old)
	u.image = u.again(bootSectorDisk())
	ended := make(chan error, 1)
	u.job.Blobs = onBlobs{Directory: u.blobs, adopted: func() {
		go func() { ended <- work() }()
		until(t, "the removal waits, or has been done", func() bool {
			var waits bool
			noError(t, u.pool.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
				AND database = (SELECT oid FROM pg_database WHERE datname = current_database()))`).Scan(&waits))
			return waits || len(ended) > 0
		})
	}}
	noError(t, u.work(t.Context(), 1))
	noError(t, <-ended)
	if i := u.read(); i.State != provisioner.ImageReady || i.CanonicalDigest != old.CanonicalDigest || !u.keeps(i.CanonicalDigest) {
		t.Errorf("the new image is %+v, its bytes are kept %t", i, u.keeps(i.CanonicalDigest))
	}
	noError(t, work())
	if !u.keeps(old.CanonicalDigest) {
		t.Error("a later removal took the bytes of an image")
	}
}

// TestImageDeletedUnderItsVerification leaves no bytes behind. DeleteImage refuses while the job runs: here it comes in the
// moment before that is seen.
func TestImageDeletedUnderItsVerification(t *testing.T) {
	u := upload(t, bootSectorDisk())
	gone := u.read()
	adopted := false
	u.job.Blobs = onBlobs{
		Directory: u.blobs, adopted: func() { adopted = true },
		opened: func() { noError(t, u.db.Models.DeleteImage(t.Context(), u.org, u.person, gone.ID)) },
	}
	noError(t, u.work(t.Context(), 1))
	if adopted {
		t.Error("the canonical form of an image that is gone was kept")
	}
}
