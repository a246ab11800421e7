package jobs

import (
	"context"
	"errors"
	"log/slog"

	"github.com/riverqueue/river"

	"volary.dev/store/blob"
	"volary.dev/store/models"
	"volary.dev/store/queue"
)

// DeleteImage removes the bytes of an image whose row is gone. What the arguments name is removed only where no row names
// it any more: another image may have the same bytes, or have brought them anew while this job waited. Copies on hosts go
// as these are looked at (images.go).
type DeleteImage struct {
	river.WorkerDefaults[queue.DeleteImage]
	Models *models.DB
	Blobs  blob.Place
	Log    *slog.Logger
}

// Work implements river.Worker. It may run again.
func (d *DeleteImage) Work(ctx context.Context, job *river.Job[queue.DeleteImage]) error {
	return orLater(errors.Join(d.upload(ctx, job.Args), d.canonical(ctx, job.Args)))
}

func (d *DeleteImage) upload(ctx context.Context, a queue.DeleteImage) error {
	if a.UploadID == "" {
		return nil
	}
	if known, err := d.Models.UploadKnown(ctx, a.UploadID); err != nil || known {
		return err
	}
	return d.Blobs.Uploads().Discard(ctx, a.UploadID)
}

func (d *DeleteImage) canonical(ctx context.Context, a queue.DeleteImage) error {
	if a.CanonicalDigest == "" {
		return nil
	}
	key, err := blob.ImageKey(a.CanonicalDigest)
	if err != nil {
		return err
	}
	release, err := d.Models.HoldDigest(ctx, a.CanonicalDigest)
	if err != nil {
		return err
	}
	defer release()
	unused, err := d.Models.CopiesOfNoImage(ctx, []string{a.CanonicalDigest})
	if err != nil || len(unused) == 0 {
		return err
	}
	d.Log.InfoContext(ctx, "remove the bytes of a deleted image", "image", a.ImageID, "digest", a.CanonicalDigest)
	return d.Blobs.Delete(ctx, key)
}
