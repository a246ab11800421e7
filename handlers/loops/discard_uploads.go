package loops

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"volary.dev/store/blob"
	"volary.dev/store/models"
)

// How often stale uploads are looked for, how long an upload may stand still before its bytes are discarded, and how long the row of a
// refused one stays.
const (
	uploadTick = 10 * time.Minute
	// reviveTick is how long a fetch may wait that was asked for while the job of the try before it was ending.
	reviveTick  = 10 * time.Second
	uploadGrace = 24 * time.Hour
	uploadWarns = 18 * time.Hour // of standing still: who began it is told then
	// refusedKept is how long it can be read why an upload was refused.
	refusedKept = 30 * 24 * time.Hour
	// checkGrace is how long an upload that is all here may have no verification that waits or runs.
	checkGrace = 10 * time.Minute
)

// UploadKeeper discards uploads that nobody goes on with, and forgets those that were refused long ago. Every worker that shares the store runs one; nothing is
// done twice.
type UploadKeeper struct {
	Models *models.DB
	Blobs  blob.Place
	Log    *slog.Logger
	// ReviveTick is between two looks for fetches that nobody works although they are not ended; 0: 10 s.
	ReviveTick time.Duration
	// SweepScratch removes what checks that died before a time left in this machine's scratch folder; nil: none are made here.
	SweepScratch func(before time.Time)
}

// Run keeps the uploads until ctx ends. At its start it also asks again for the verification of uploads that
// stayed unverified: this worker may have what the last one lacked.
func (k *UploadKeeper) Run(ctx context.Context) error {
	if n, err := k.Models.RetryUnverified(ctx); err != nil && ctx.Err() == nil {
		k.Log.ErrorContext(ctx, "retry unverified uploads", "error", err)
	} else if n > 0 {
		k.Log.InfoContext(ctx, "unverified uploads are tried again", "uploads", n)
	}
	ticker, revive := time.NewTicker(uploadTick), time.NewTicker(cmp.Or(k.ReviveTick, reviveTick))
	defer ticker.Stop()
	defer revive.Stop()
	for {
		k.revive(ctx)
		if err := k.Discard(ctx, time.Now().Add(-uploadGrace)); err != nil && ctx.Err() == nil {
			k.Log.ErrorContext(ctx, "discard stale uploads", "error", err)
		}
		if err := k.Warn(ctx, time.Now().Add(-uploadWarns)); err != nil && ctx.Err() == nil {
			k.Log.ErrorContext(ctx, "warn of stale uploads", "error", err)
		}
		if n, err := k.Models.GiveUpChecks(ctx, time.Now().Add(-checkGrace)); err != nil && ctx.Err() == nil {
			k.Log.ErrorContext(ctx, "give up checks of uploads", "error", err)
		} else if n > 0 {
			k.Log.ErrorContext(ctx, "checks of uploads were cut off each time they were tried", "uploads", n)
		}
		if err := k.Forget(ctx, time.Now().Add(-refusedKept)); err != nil && ctx.Err() == nil {
			k.Log.ErrorContext(ctx, "forget refused uploads", "error", err)
		}
		for due := false; !due; {
			select {
			case <-ctx.Done():
				return nil
			case <-revive.C:
				k.revive(ctx)
			case <-ticker.C:
				due = true
			}
		}
	}
}

func (k *UploadKeeper) revive(ctx context.Context) {
	if n, err := k.Models.ReviveFetches(ctx); err != nil && ctx.Err() == nil {
		k.Log.ErrorContext(ctx, "revive fetches of uploads", "error", err)
	} else if n > 0 {
		k.Log.InfoContext(ctx, "fetches that nobody worked are taken up again", "uploads", n)
	}
}

// Warn tells who began them of the unfinished uploads that were begun, and last written to, before a time: once of each standstill.
func (k *UploadKeeper) Warn(ctx context.Context, before time.Time) error {
	ids, err := k.Models.StaleUploads(ctx, before)
	if err != nil {
		return err
	}
	var errs []error
	for _, id := range ids {
		p, err := k.Blobs.Uploads().Progress(ctx, id)
		switch {
		case err != nil && !errors.Is(err, blob.ErrNotFound):
			errs = append(errs, err)
		case err != nil || p.Written.Before(before):
			errs = append(errs, k.Models.WarnOfUpload(ctx, id, p.Received, p.Written, uploadGrace))
		}
	}
	return errors.Join(errs...)
}

// Discard removes the unfinished uploads that were begun, and last written to, before a time, and tells who began them.
func (k *UploadKeeper) Discard(ctx context.Context, before time.Time) error {
	ids, err := k.Models.StaleUploads(ctx, before)
	if err != nil {
		return err
	}
	errs := []error{k.Blobs.DiscardPartial(ctx, before), k.Models.ForgetUploadLocks(ctx)}
	if k.SweepScratch != nil {
		k.SweepScratch(time.Now())
	}
	for _, id := range ids {
		p, err := k.Blobs.Uploads().Progress(ctx, id)
		if err == nil && p.Written.After(before) {
			continue // a slow line is no reason
		}
		if err != nil && !errors.Is(err, blob.ErrNotFound) {
			errs = append(errs, err) // it may be moving
			continue
		}
		errs = append(errs, k.discard(ctx, id, p.Received))
	}
	return errors.Join(errs...)
}

// discard removes one under its lock: somebody may just go on with it. The row goes first: from then on no request can finish it, and nobody
// who gets the lock may send.
func (k *UploadKeeper) discard(ctx context.Context, id string, received int64) error {
	holder := uuid.New()
	free, err := k.Models.TakeUploadLock(ctx, id, holder, models.UploadLockLapse)
	if err != nil || !free {
		return err
	}
	defer func() {
		if err := k.Models.LeaveUploadLock(context.WithoutCancel(ctx), id, holder); err != nil {
			k.Log.WarnContext(ctx, "an upload's lock is left to lapse", "upload", id, "error", err)
		}
	}()
	if was, err := k.Models.ExpireUpload(ctx, id, received); err != nil || !was {
		return err
	}
	k.Log.InfoContext(ctx, "stale upload discarded", "upload", id)
	return k.Blobs.Uploads().Discard(ctx, id)
}

// Forget removes the uploads that were refused before a time, and what a worker that died left of their bytes.
func (k *UploadKeeper) Forget(ctx context.Context, before time.Time) error {
	ids, err := k.Models.ForgetUploads(ctx, before)
	if err != nil {
		return err
	}
	var errs []error
	for _, id := range ids {
		k.Log.InfoContext(ctx, "refused upload forgotten", "upload", id)
		errs = append(errs, k.Blobs.Uploads().Discard(ctx, id))
	}
	return errors.Join(errs...)
}
