package jobs

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/riverqueue/river"

	"volary.dev/provisioner"
	"volary.dev/provisioner/image"
	"volary.dev/store/blob"
	"volary.dev/store/models"
	"volary.dev/store/queue"
)

// verifyTimeout is for the largest disk on a slow machine.
const verifyTimeout = 2 * time.Hour

// VerifyImage makes the verdict on an uploaded image, and keeps the canonical form of one that is ready. The uploaded
// bytes are gone once the verdict is final.
type VerifyImage struct {
	river.WorkerDefaults[queue.VerifyImage]
	Models   *models.DB
	Blobs    blob.Store
	Verifier image.Verifier
	Log      *slog.Logger
}

// Timeout implements river.Worker.
func (*VerifyImage) Timeout(*river.Job[queue.VerifyImage]) time.Duration { return verifyTimeout }

// Work implements river.Worker. It may be run again after its worker died at any line: the canonical form has a name
// made of its bytes, and a final verdict stays.
func (v *VerifyImage) Work(ctx context.Context, job *river.Job[queue.VerifyImage]) error {
	i, err := v.Models.ImageForWorker(ctx, job.Args.ImageID)
	if err != nil {
		return err
	}
	if i.State != provisioner.ImageChecking && i.State != provisioner.ImageUnverified {
		return v.discard(ctx, i)
	}
	err = v.verify(ctx, i)
	if err == nil || ctx.Err() != nil || job.Attempt < job.MaxAttempts {
		return err
	}
	// Nobody shall wait for a verdict that does not come.
	v.Log.ErrorContext(ctx, "image could not be verified", "image", i.ID, "error", err)
	return v.Models.RecordVerdict(ctx, i.ID, provisioner.ImageVerdict{
		State: provisioner.ImageUnverified, Checks: i.Checks,
		Reason: "The check failed on our side and is not the image's fault. Tell the operator, and upload it again later.",
	})
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
	result, err := v.Verifier.Verify(ctx, path, func(checks []provisioner.ImageCheck) {
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
		key, err := blob.ImageKey(result.CanonicalDigest)
		if err != nil {
			return err
		}
		if err := v.Blobs.Adopt(ctx, key, result.Canonical); err != nil {
			return err
		}
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

// discard removes the uploaded bytes and the tus handler's note. It comes after the verdict, so that a worker that
// died between the two is followed by one that finds the verdict and does only this.
func (v *VerifyImage) discard(ctx context.Context, i models.Image) error {
	if i.UploadID == "" {
		return nil
	}
	key := blob.UploadKey(i.UploadID)
	return errors.Join(v.Blobs.Delete(ctx, key), v.Blobs.Delete(ctx, key+".info"))
}
