package jobs

import (
	"context"
	"errors"
	"time"

	"github.com/riverqueue/river"

	"volary.dev/store/blob"
	"volary.dev/store/models"
	"volary.dev/store/queue"
)

// DiscardUpload removes what is left of the bytes of an upload whose row is gone.
type DiscardUpload struct {
	river.WorkerDefaults[queue.DiscardUpload]
	Models *models.DB
	Blobs  blob.Place
}

// Work implements river.Worker. It may run again.
func (d *DiscardUpload) Work(ctx context.Context, job *river.Job[queue.DiscardUpload]) error {
	id := models.UploadOf(job.Args.UploadID)
	if known, err := d.Models.UploadKnown(ctx, id); err != nil || known {
		return err
	}
	return orLater(d.Blobs.Uploads().Discard(ctx, id))
}

// awayPause is between two looks whether a store that was away answers.
const awayPause = time.Minute

// orLater has a job that a store does not answer come back, and use none of its attempts for that.
func orLater(err error) error {
	if errors.Is(err, blob.ErrAway) {
		return river.JobSnooze(awayPause)
	}
	return err
}
