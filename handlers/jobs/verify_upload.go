package jobs

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

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
	// verifyMost is of one attempt, whatever its children may take: 1 TiB of data that is read and written four times at 25 MiB a
	// second. Beyond it the store or the machine hangs.
	verifyMost = 48 * time.Hour
	// turnPause is a net below EndVerificationTurn, which takes up the organization's next upload.
	turnPause = 15 * time.Second
	// roomPause is between two looks whether there is room, and roomPatience how old an upload may become in vain.
	roomPause    = time.Minute
	roomPatience = 24 * time.Hour
	// suspendedPause is between two looks whether an organization's suspension was lifted.
	suspendedPause = 5 * time.Minute
	// progressPause is the least time between two records of how far one step is.
	progressPause = 2 * time.Second
)

// VerifyUpload makes the verdict on an upload, and keeps the canonical form of each image that comes of it. The uploaded
// bytes are gone once the verdict is final. One upload of an organization is verified at a time: the others come back
// later and hold no place meanwhile.
type VerifyUpload struct {
	river.WorkerDefaults[queue.VerifyUpload]
	Models   *models.DB
	Blobs    blob.Place
	Verifier image.Verifier
	Limits   image.Limits // MaxVirtual is the most that is taken where no provider has a larger shape
	Log      *slog.Logger
	Longest  time.Duration // of one attempt; 0 takes what the children of Verifier may take together, up to verifyMost

	lacked lackedRoom
}

// Timeout implements river.Worker. It is longer than what an honest disk takes, so that no check that goes on is begun again from its
// start; what hangs in a child ends by the child's own clock, which names the cause.
func (v *VerifyUpload) Timeout(*river.Job[queue.VerifyUpload]) time.Duration {
	return cmp.Or(v.Longest, min(v.Limits.Longest(), verifyMost))
}

// Work implements river.Worker. It may be run again after its worker died at any line: a canonical form has a name
// made of its bytes, and a final verdict stays. A store that is away is waited for, and takes no attempt.
func (v *VerifyUpload) Work(ctx context.Context, job *river.Job[queue.VerifyUpload]) error {
	u, there, err := v.upload(ctx, models.UploadOf(job.Args.UploadID))
	if err != nil || !there {
		return err // one that was discarded needs no verdict, and DiscardUpload removes its bytes
	}
	switch u.State {
	case provisioner.UploadChecking, provisioner.UploadUnverified:
	case provisioner.UploadArriving:
		return nil // it is asked for again when it is here
	case provisioner.UploadDone, provisioner.UploadRefused:
		return orLater(v.Blobs.Uploads().Discard(ctx, u.ID))
	}
	if err := v.Models.RefuseVerification(ctx, u.Organization); err != nil {
		if r, ok := refusal.As(err); ok {
			return v.wait(ctx, u, "The check begins by itself once the suspension is lifted. "+r.Title, suspendedPause)
		}
		return err
	}
	if taken, err := v.Models.TakeVerificationTurn(ctx, u.Organization, job.ID); err != nil {
		return err
	} else if !taken {
		return v.wait(ctx, u, "Another upload of your organization is checked first.", turnPause)
	}
	err = v.verify(ctx, u)
	if ended := v.Models.EndVerificationTurn(context.WithoutCancel(ctx), u.Organization, job.ID); ended != nil {
		v.Log.WarnContext(ctx, "end verification turn", "upload", u.ID, "error", ended) // it ends with the job, too
	}
	return v.after(ctx, job, u, err)
}

// after is what becomes of an upload whose verification ended with err.
func (v *VerifyUpload) after(ctx context.Context, job *river.Job[queue.VerifyUpload], u models.Upload, err error) error {
	var full *image.NoRoomError
	if errors.As(err, &full) {
		v.Log.WarnContext(ctx, "upload lacks room", "upload", u.ID, "need", full.Need, "free", full.Free, "total", full.Total)
	} else {
		v.lacked.forget(u.ID)
	}
	switch {
	case err == nil:
		return nil
	case ctx.Err() != nil:
		if job.Attempt >= job.MaxAttempts && errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return v.giveUp(context.WithoutCancel(ctx), u, fmt.Sprintf("The check did not end within %s, %d times. Tell the operator.", refusal.Lasting(v.Timeout(job)), job.Attempt), err)
		}
		return err
	case errors.Is(err, blob.ErrAway):
		v.Log.WarnContext(ctx, "upload waits for the store", "upload", u.ID, "error", err)
		return v.wait(ctx, u, "The store of uploads and images does not answer. The check goes on by itself once it does.", roomPause)
	case full != nil && full.Ever() && time.Since(since(u)) < roomPatience:
		return v.wait(ctx, u, lacks(full)+" It is tried again by itself.", roomPause)
	case full != nil:
		v.lacked.forget(u.ID)
		return v.giveUp(ctx, u, lacks(full)+" Tell the operator.", err)
	case job.Attempt < job.MaxAttempts:
		return err
	}
	return v.giveUp(ctx, u, "The check failed on our side and is not the file's fault. Tell the operator.", err)
}

// lacks is what is said of a full store to whom it does not belong: how large it is and what others have in it, the log says.
func lacks(full *image.NoRoomError) string {
	return "The platform has no room for this check now, which needs " + refusal.Bytes(full.Need) + "."
}

// since is when an upload was all here.
func since(u models.Upload) time.Time {
	if u.FinishedAt == nil {
		return u.CreatedAt
	}
	return *u.FinishedAt
}

// upload tells also whether it is there still.
func (v *VerifyUpload) upload(ctx context.Context, id string) (models.Upload, bool, error) {
	u, err := v.Models.UploadForWorker(ctx, id)
	if r, ok := refusal.As(err); ok && r.Code == "not_found" {
		return u, false, nil
	}
	return u, err == nil, err
}

// wait gives the place to another job and comes back after a pause.
func (v *VerifyUpload) wait(ctx context.Context, u models.Upload, why string, pause time.Duration) error {
	if err := v.Models.RecordUploadWaits(ctx, u.ID, why); err != nil {
		return err
	}
	return river.JobSnooze(pause)
}

// giveUp ends the wait for a verdict that does not come. What was seen until then stays.
func (v *VerifyUpload) giveUp(ctx context.Context, u models.Upload, why string, err error) error {
	v.Log.ErrorContext(ctx, "upload could not be verified", "upload", u.ID, "error", err)
	if now, there, err := v.upload(ctx, u.ID); err == nil && there {
		u = now
	}
	_, err = v.Models.RecordVerdict(ctx, u.ID, provisioner.UploadVerdict{State: provisioner.UploadUnverified, Checks: u.Checks, Reason: why})
	return err
}

// limits are the operator's, no disk larger than the largest that a node could have, and the digest that was given.
func (v *VerifyUpload) limits(ctx context.Context, u models.Upload) (image.Limits, error) {
	l := v.Limits
	l.Digest = u.ExpectedDigest
	largest, err := v.Models.LargestDisk(ctx)
	if most := largest.GiB << 30; err == nil && most > 0 && most < l.MaxVirtual {
		l.MaxVirtual, l.Largest = most, fmt.Sprintf("the disk of the largest shape, %s of %s", largest.Shape, largest.Provider)
	}
	return l, err
}

// lackedRoom remembers what uploads need of the scratch folder, bytes, for which there was no room.
type lackedRoom struct {
	mu   sync.Mutex
	need map[string]int64 // by upload
}

func (l *lackedRoom) of(id string) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.need[id]
}

func (l *lackedRoom) note(id string, need int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.need == nil {
		l.need = map[string]int64{}
	}
	l.need[id] = need
}

func (l *lackedRoom) forget(id string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.need, id)
}

// brought is how much of the scratch folder an upload takes itself that lies at a path, bytes.
func (v *VerifyUpload) brought(u models.Upload, path string) int64 {
	if filepath.Dir(path) == filepath.Clean(v.Verifier.Scratch) {
		return u.Size
	}
	return 0
}

// askAgain refuses, before anything is done, what lacked room once before: else it would be brought, and unpacked as far as there is room, again with
// each look.
func (v *VerifyUpload) askAgain(u models.Upload) error {
	need := v.lacked.of(u.ID)
	if need == 0 {
		return nil
	}
	release, err := v.Verifier.Reserve(v.Verifier.Scratch, need)
	if err == nil {
		release()
	}
	return err
}

func (v *VerifyUpload) verify(ctx context.Context, u models.Upload) error {
	if err := v.askAgain(u); err != nil {
		return err
	}
	path, release, err := v.Blobs.Local(ctx, blob.UploadKey(u.ID))
	if errors.Is(err, blob.ErrNotFound) {
		return v.conclude(ctx, u, goneVerdict(fmt.Sprintf("Of the uploaded bytes 0 of %d are left in the store.", u.Size)))
	}
	if err != nil {
		return err
	}
	defer release()
	if info, err := os.Stat(path); err != nil {
		return fmt.Errorf("verify upload %s: %w", u.ID, err)
	} else if info.Size() != u.Size {
		return v.conclude(ctx, u, goneVerdict(fmt.Sprintf("Of the uploaded bytes %d of %d are left in the store.", info.Size(), u.Size)))
	}
	limits, err := v.limits(ctx, u)
	if err != nil {
		return err
	}
	result, err := v.Verifier.Verify(ctx, path, limits, v.progress(ctx, u))
	defer result.Discard()
	if errors.Is(err, image.ErrNoQEMUImg) || errors.Is(err, image.ErrNoXZ) || errors.Is(err, image.ErrNoSandbox) {
		v.Log.WarnContext(ctx, "upload stays unverified", "upload", u.ID, "error", err)
		_, err := v.Models.RecordVerdict(ctx, u.ID, result.UploadVerdict)
		return err
	}
	var full *image.NoRoomError
	if errors.As(err, &full) && full.Folder == image.ScratchFolder {
		v.lacked.note(u.ID, full.Need+v.brought(u, path))
	}
	if err != nil {
		return fmt.Errorf("verify upload %s: %w", u.ID, err)
	}
	if result.State == provisioner.UploadDone {
		return v.keep(ctx, u, result)
	}
	return v.conclude(ctx, u, result.UploadVerdict)
}

// progress shows on the upload's page what is known and done so far. A page that lags by one line is no reason to stop.
func (v *VerifyUpload) progress(ctx context.Context, u models.Upload) image.Progress {
	var told time.Time
	var last provisioner.UploadProgress
	return image.Progress{
		Checks: func(checks []provisioner.ImageCheck) {
			if err := v.Models.RecordUploadChecks(ctx, u.ID, checks); err != nil {
				v.Log.WarnContext(ctx, "record checks", "upload", u.ID, "error", err)
			}
		},
		Step: func(p provisioner.UploadProgress) {
			if p.Step == last.Step && p.Member == last.Member && time.Since(told) < progressPause {
				return
			}
			told, last = time.Now(), p
			if err := v.Models.RecordUploadProgress(ctx, u.ID, p); err != nil {
				v.Log.WarnContext(ctx, "record progress", "upload", u.ID, "error", err)
			}
		},
	}
}

// keep takes the canonical forms in, each under the name that its bytes make. The digests are held until the images' rows name them:
// the deletion of an image with the same bytes removes what no row names. An upload that was discarded meanwhile brings none.
func (v *VerifyUpload) keep(ctx context.Context, u models.Upload, result image.Result) error {
	keys, release, err := v.hold(ctx, result.Images)
	if err != nil {
		return err
	}
	defer release()
	if _, there, err := v.upload(ctx, u.ID); err != nil || !there {
		return err
	}
	for n, path := range result.Canonical {
		if n > 0 && slices.Contains(keys[:n], keys[n]) {
			continue // the same disk twice in one upload
		}
		if err := v.Blobs.Adopt(ctx, keys[n], path); err != nil {
			return err
		}
	}
	recorded, err := v.Models.RecordVerdict(ctx, u.ID, result.UploadVerdict)
	if err != nil {
		return err // it may have been recorded all the same: who tries again finds out, and what no row names the sweep finds
	}
	if !recorded {
		err = v.drop(ctx, result.Images)
	}
	return errors.Join(err, v.concluded(ctx, u, result.UploadVerdict))
}

// hold holds the digests of images, in one order for all who hold several, and gives each image's key.
func (v *VerifyUpload) hold(ctx context.Context, images []provisioner.VerifiedImage) (keys []string, release func(), err error) {
	var digests []string
	for _, i := range images {
		key, err := blob.ImageKey(i.CanonicalDigest)
		if err != nil {
			return nil, nil, err
		}
		keys, digests = append(keys, key), append(digests, i.CanonicalDigest)
	}
	slices.Sort(digests)
	var held []func()
	release = func() {
		for _, r := range held {
			r()
		}
	}
	for _, digest := range slices.Compact(digests) {
		r, err := v.Models.HoldDigest(ctx, digest)
		if err != nil {
			release()
			return nil, nil, err
		}
		held = append(held, r)
	}
	return keys, release, nil
}

// drop removes what no row names after all: the upload was discarded in the last moment.
func (v *VerifyUpload) drop(ctx context.Context, images []provisioner.VerifiedImage) error {
	var digests []string
	for _, i := range images {
		digests = append(digests, i.CanonicalDigest)
	}
	unused, err := v.Models.CopiesOfNoImage(ctx, digests)
	for _, c := range unused {
		key, wrong := blob.ImageKey(c.Digest)
		err = errors.Join(err, wrong, v.Blobs.Delete(ctx, key))
	}
	return err
}

func goneVerdict(why string) provisioner.UploadVerdict {
	return provisioner.UploadVerdict{
		State: provisioner.UploadRefused, Reason: why,
		Checks: []provisioner.ImageCheck{{Name: "file", Detail: why, Repair: "This is no fault of the file. Upload it again, or have it fetched again; if it happens once more, tell the operator."}},
	}
}

// conclude records a final verdict, and then removes the uploaded bytes and what lies beside them: a worker that died between the two is
// followed by one that finds the verdict and does only this.
func (v *VerifyUpload) conclude(ctx context.Context, u models.Upload, verdict provisioner.UploadVerdict) error {
	if _, err := v.Models.RecordVerdict(ctx, u.ID, verdict); err != nil {
		return err
	}
	return v.concluded(ctx, u, verdict)
}

func (v *VerifyUpload) concluded(ctx context.Context, u models.Upload, verdict provisioner.UploadVerdict) error {
	v.Log.InfoContext(ctx, "upload judged", "upload", u.ID, "state", verdict.State, "reason", verdict.Reason)
	return v.Blobs.Uploads().Discard(ctx, u.ID)
}
