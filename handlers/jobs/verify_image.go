package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/riverqueue/river"

	"volary.dev/provisioner"
	"volary.dev/provisioner/image"
	"volary.dev/provisioner/refusal"
	"volary.dev/store/blob"
	"volary.dev/store/models"
	"volary.dev/store/queue"
)

// How long a verification may take, and wait.
const (
	// verifyTimeout is for the largest disk on a slow machine.
	verifyTimeout = 2 * time.Hour
	// turnPause is a net below EndVerificationTurn, which takes up the organization's next image.
	turnPause = 15 * time.Second
	// roomPause is between two looks whether there is room, and roomPatience how old an image may become in vain.
	roomPause    = time.Minute
	roomPatience = 24 * time.Hour
)

// VerifyImage makes the verdict on an uploaded image, and keeps the canonical form of one that is ready. The uploaded
// bytes are gone once the verdict is final. One image of an organization is verified at a time: the others come back
// later and hold no place meanwhile.
type VerifyImage struct {
	river.WorkerDefaults[queue.VerifyImage]
	Models   *models.DB
	Blobs    blob.Place
	Verifier image.Verifier
	Limits   image.Limits // MaxVirtual is the most that is taken where no provider has a larger shape
	Log      *slog.Logger
}

// Timeout implements river.Worker.
func (*VerifyImage) Timeout(*river.Job[queue.VerifyImage]) time.Duration { return verifyTimeout }

// Work implements river.Worker. It may be run again after its worker died at any line: the canonical form has a name
// made of its bytes, and a final verdict stays.
func (v *VerifyImage) Work(ctx context.Context, job *river.Job[queue.VerifyImage]) error {
	i, there, err := v.image(ctx, job.Args.ImageID)
	if err != nil || !there {
		return err // an image that was deleted needs no verdict, and DeleteImage removes its bytes
	}
	if i.State != provisioner.ImageChecking && i.State != provisioner.ImageUnverified {
		return v.discard(ctx, i)
	}
	if taken, err := v.Models.TakeVerificationTurn(ctx, i.OrganizationID, job.ID); err != nil {
		return err
	} else if !taken {
		return v.wait(ctx, i, "Another image of your organization is checked first.", turnPause)
	}
	err = v.verify(ctx, i)
	if ended := v.Models.EndVerificationTurn(context.WithoutCancel(ctx), i.OrganizationID, job.ID); ended != nil {
		v.Log.WarnContext(ctx, "end verification turn", "image", i.ID, "error", ended) // it ends with the job, too
	}
	var full *image.NoRoomError
	switch {
	case err == nil || ctx.Err() != nil:
		return err
	case errors.As(err, &full) && full.Ever() && time.Since(i.CreatedAt) < roomPatience:
		v.Log.WarnContext(ctx, "image waits for room", "image", i.ID, "need", full.Need, "free", full.Free, "total", full.Total)
		return v.wait(ctx, i, full.Error()+" It is tried again by itself.", roomPause)
	case errors.As(err, &full):
		return v.giveUp(ctx, i, full.Error()+" Tell the operator, and upload it again later.", err)
	case job.Attempt < job.MaxAttempts:
		return err
	}
	return v.giveUp(ctx, i, "The check failed on our side and is not the image's fault. Tell the operator, and upload it again later.", err)
}

// image tells also whether it is there still.
func (v *VerifyImage) image(ctx context.Context, id uuid.UUID) (models.Image, bool, error) {
	i, err := v.Models.ImageForWorker(ctx, id)
	if r, ok := refusal.As(err); ok && r.Code == "not_found" {
		return i, false, nil
	}
	return i, err == nil, err
}

// wait gives the place to another job and comes back after a pause.
func (v *VerifyImage) wait(ctx context.Context, i models.Image, why string, pause time.Duration) error {
	if err := v.Models.RecordImageWaits(ctx, i.ID, why); err != nil {
		return err
	}
	return river.JobSnooze(pause)
}

// giveUp ends the wait for a verdict that does not come.
func (v *VerifyImage) giveUp(ctx context.Context, i models.Image, why string, err error) error {
	v.Log.ErrorContext(ctx, "image could not be verified", "image", i.ID, "error", err)
	return v.Models.RecordVerdict(ctx, i.ID, provisioner.ImageVerdict{State: provisioner.ImageUnverified, Checks: i.Checks, Reason: why})
}

// limits are the operator's, and no disk larger than the largest that a node could have.
func (v *VerifyImage) limits(ctx context.Context) (image.Limits, error) {
	l := v.Limits
	largest, err := v.Models.LargestDisk(ctx)
	if most := largest.GiB << 30; err == nil && most > 0 && most < l.MaxVirtual {
		l.MaxVirtual, l.Largest = most, fmt.Sprintf("the disk of the largest shape, %s of %s", largest.Shape, largest.Provider)
	}
	return l, err
}

func (v *VerifyImage) verify(ctx context.Context, i models.Image) error {
	path, release, err := v.Blobs.Local(ctx, blob.UploadKey(i.UploadID))
	if errors.Is(err, blob.ErrNotFound) {
		return v.conclude(ctx, i, goneVerdict())
	}
	if err != nil {
		return err
	}
	defer release()
	limits, err := v.limits(ctx)
	if err != nil {
		return err
	}
	result, err := v.Verifier.Verify(ctx, path, limits, func(checks []provisioner.ImageCheck) {
		// A page that lags by one line is no reason to stop.
		if err := v.Models.RecordImageChecks(ctx, i.ID, checks); err != nil {
			v.Log.WarnContext(ctx, "record checks", "image", i.ID, "error", err)
		}
	})
	defer result.Discard()
	if errors.Is(err, image.ErrNoQEMUImg) || errors.Is(err, image.ErrNoSandbox) {
		v.Log.WarnContext(ctx, "image stays unverified", "image", i.ID, "error", err)
		return v.Models.RecordVerdict(ctx, i.ID, result.ImageVerdict)
	}
	if err != nil {
		return fmt.Errorf("verify image %s: %w", i.ID, err)
	}
	if result.State == provisioner.ImageReady {
		return v.keep(ctx, i, result)
	}
	return v.conclude(ctx, i, result.ImageVerdict)
}

// keep takes the canonical form in, under the name that its bytes make. The digest is held until the image's row names it:
// the deletion of an image with the same bytes removes what no row names. An image that was deleted meanwhile brings none.
func (v *VerifyImage) keep(ctx context.Context, i models.Image, result image.Result) error {
	key, err := blob.ImageKey(result.CanonicalDigest)
	if err != nil {
		return err
	}
	release, err := v.Models.HoldDigest(ctx, result.CanonicalDigest)
	if err != nil {
		return err
	}
	defer release()
	if _, there, err := v.image(ctx, i.ID); err != nil || !there {
		return err
	}
	if err := v.Blobs.Adopt(ctx, key, result.Canonical); err != nil {
		return err
	}
	return v.conclude(ctx, i, result.ImageVerdict)
}

func goneVerdict() provisioner.ImageVerdict {
	return provisioner.ImageVerdict{
		State: provisioner.ImageRefused, Reason: "The uploaded bytes are gone.",
		Checks: []provisioner.ImageCheck{{Name: "file", Detail: "The uploaded bytes are gone.", Repair: "Upload the image again."}},
	}
}

func (v *VerifyImage) conclude(ctx context.Context, i models.Image, verdict provisioner.ImageVerdict) error {
	if err := v.Models.RecordVerdict(ctx, i.ID, verdict); err != nil {
		return err
	}
	v.Log.InfoContext(ctx, "image judged", "image", i.ID, "state", verdict.State, "reason", verdict.Reason)
	return v.discard(ctx, i)
}

// discard removes the uploaded bytes and what lies beside them. It comes after the verdict, so that a worker that
// died between the two is followed by one that finds the verdict and does only this.
func (v *VerifyImage) discard(ctx context.Context, i models.Image) error {
	if i.UploadID == "" {
		return nil
	}
	return v.Blobs.Uploads().Discard(ctx, i.UploadID)
}
