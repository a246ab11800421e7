package jobs_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"volary.dev/handlers/jobs"
	"volary.dev/handlers/loops/loopstest"
	"volary.dev/provisioner"
	"volary.dev/provisioner/image"
	"volary.dev/store/blob"
	"volary.dev/store/blob/blobtest"
	"volary.dev/store/models"
	"volary.dev/store/queue"
)

// An upload in a bucket is brought to the scratch folder where there is room, judged, and its canonical form goes to the bucket; nothing
// else is left anywhere.
func TestVerifyOverABucket(t *testing.T) {
	u, server := loopstest.Upload(t, loopstest.BootSectorDisk()), blobtest.Serve(t)
	server.Options.Scratch = u.Job.Verifier.Scratch
	room := false
	server.Options.Reserve = func(folder string, bytes int64) (func(), error) {
		if !room {
			return nil, &image.NoRoomError{Folder: image.ScratchFolder, Need: bytes, Free: 1, Total: 1 << 40}
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
	if up := u.Read(); up.State != provisioner.UploadChecking || !strings.HasPrefix(up.Reason, "The platform has no room for this check now, which needs ") || !strings.HasSuffix(up.Reason, ". It is tried again by itself.") || strings.Contains(up.Reason, "TiB") {
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

// brings counts what is brought from a store, and may be away.
type brings struct {
	blob.Place
	brought int
	away    bool
}

// Local implements blob.Store.
func (b *brings) Local(ctx context.Context, key string) (string, func(), error) {
	if b.away {
		return "", nil, fmt.Errorf("open %s: %w", key, blob.ErrAway)
	}
	b.brought++
	return b.Place.Local(ctx, key)
}

// over is an upload in a bucket, whose scratch folder has so many bytes free of so many.
func over(t *testing.T, space *[2]int64) (*loopstest.Uploaded, *brings) {
	t.Helper()
	u, server := loopstest.Upload(t, loopstest.BootSectorDisk()), blobtest.Serve(t)
	u.Job.Verifier.SpaceBy(func(string) (int64, int64, error) { return space[0], space[1], nil })
	server.Options.Scratch, server.Options.Reserve = u.Job.Verifier.Scratch, u.Job.Verifier.Reserve
	place := &brings{Place: server.Place(t)}
	u.Job.Blobs = place
	_, err := place.Put(t.Context(), blob.UploadKey(loopstest.UploadID), bytes.NewReader(loopstest.BootSectorDisk()))
	loopstest.NoError(t, err)
	return u, place
}

func snoozed(t *testing.T, u *loopstest.Uploaded, attempt int, says string) {
	t.Helper()
	var later *river.JobSnoozeError
	if err := u.Work(t.Context(), attempt); !errors.As(err, &later) {
		t.Errorf("it does not come back by itself: %v", err)
	}
	if up := u.Read(); up.State != provisioner.UploadChecking || !strings.Contains(up.Reason, says) {
		t.Errorf("the upload waits as %s: %s", up.State, up.Reason)
	}
}

// What lacks room is brought once, and not again with each look; where room would never be enough for the copy and the check together,
// nobody waits for it.
func TestWaitingForRoomBringsNothing(t *testing.T) {
	const disk = 2 << 20
	space := [2]int64{12 << 20, 100 << 20} // the copy fits above the tenth that stays free, the check beside it does not
	u, place := over(t, &space)
	for range 3 {
		snoozed(t, u, 1, "tried again")
	}
	if place.brought != 1 {
		t.Errorf("brought %d times for three looks", place.brought)
	}
	space[0] = 90 << 20
	loopstest.NoError(t, u.Work(t.Context(), 1))
	if up := u.Read(); up.State != provisioner.UploadDone || place.brought != 2 {
		t.Errorf("with room the upload is %s: %s; brought %d times", up.State, up.Reason, place.brought)
	}
	// The check needs 2 % and 16 MiB beside the disk: alone it would fit into nine tenths of this, with the copy it does not.
	need := int64(disk + disk/50 + 16<<20)
	space = [2]int64{disk + need/9 + 2<<20, (need + disk/2) * 10 / 9}
	space[0] = space[1]/10 + disk + 1<<20
	u, place = over(t, &space)
	snoozed(t, u, 1, "tried again")
	loopstest.NoError(t, u.Work(t.Context(), 1))
	if up := u.Read(); up.State != provisioner.UploadUnverified || place.brought != 1 || !strings.Contains(up.Reason, "Tell the operator") {
		t.Errorf("without any hope the upload is %s: %s; brought %d times", up.State, up.Reason, place.brought)
	}
}

// A store that is away is waited for, at whichever attempt.
func TestVerificationWaitsForTheStore(t *testing.T) {
	space := [2]int64{90 << 20, 100 << 20}
	u, place := over(t, &space)
	place.away = true
	for _, attempt := range []int{1, 3} {
		snoozed(t, u, attempt, "does not answer")
	}
	place.away = false
	loopstest.NoError(t, u.Work(t.Context(), 3))
	if up := u.Read(); up.State != provisioner.UploadDone || up.Reason != "" {
		t.Errorf("once it answers the upload is %s: %s", up.State, up.Reason)
	}
}

// silent is a store that a verification waits for until its time is over.
type silent struct {
	blob.Place
	end context.CancelFunc
}

// Local implements blob.Store.
func (s silent) Local(ctx context.Context, _ string) (string, func(), error) {
	s.end()
	return "", nil, ctx.Err()
}

// timed is a context whose time is over once it is cancelled, as a job's.
type timed struct{ context.Context }

// Err implements context.Context.
func (t timed) Err() error {
	if t.Context.Err() != nil {
		return context.DeadlineExceeded
	}
	return nil
}

// The last attempt whose time is over says so, with the numbers; those before it are tried again.
func TestVerificationEndsWithItsTime(t *testing.T) {
	u := loopstest.Upload(t, loopstest.BootSectorDisk())
	u.Job.Longest = 90 * time.Minute
	for _, attempt := range []int{1, 3} {
		ctx, cancel := context.WithCancel(t.Context())
		u.Job.Blobs = silent{u.Blobs, cancel}
		err := u.Work(timed{ctx}, attempt)
		up := u.Read()
		if last := attempt == 3; (err == nil) != last || (up.State == provisioner.UploadUnverified) != last || strings.Contains(up.Reason, "90 minutes, 3 times") != last {
			t.Errorf("attempt %d: %v, the upload is %s: %s", attempt, err, up.State, up.Reason)
		}
	}
	if u.Job.Timeout(nil) != 90*time.Minute {
		t.Error("the job has another time")
	}
	u.Job.Longest = 0
	if got := u.Job.Timeout(nil); got != 48*time.Hour {
		t.Errorf("a check of the largest disk has %s", got)
	}
	u.Job.Limits.MaxVirtual = 1 << 20
	if got, want := u.Job.Timeout(nil), u.Job.Limits.Longest(); got > 48*time.Hour || got > want {
		t.Errorf("a check of small disks has %s, and its children %s", got, want)
	}
}

// away is a store that can remove nothing now, and does not tell how far uploads are.
type away struct{ blob.Place }

// Delete implements blob.Store.
func (away) Delete(context.Context, string) error { return blob.ErrAway }

// Uploads implements blob.Place.
func (a away) Uploads() blob.Uploads { return awayUploads{a.Place.Uploads()} }

type awayUploads struct{ blob.Uploads }

// Discard implements blob.Uploads.
func (awayUploads) Discard(context.Context, string) error { return blob.ErrAway }

// Progress implements blob.Uploads.
func (awayUploads) Progress(context.Context, string) (blob.Progress, error) {
	return blob.Progress{}, blob.ErrAway
}

// What is to be removed from a store that is away is removed later, and the verdict stays.
func TestRemovalsWaitForTheStore(t *testing.T) {
	u := loopstest.Upload(t, loopstest.BootSectorDisk())
	u.Job.Blobs = away{u.Blobs}
	var later *river.JobSnoozeError
	for range 2 {
		if err := u.Work(t.Context(), 3); !errors.As(err, &later) {
			t.Errorf("a verdict: %v", err)
		}
	}
	if up := u.Read(); up.State != provisioner.UploadDone || u.BytesGone() {
		t.Errorf("the upload is %s, its bytes are gone: %t", up.State, u.BytesGone())
	}
	subject, err := models.UploadSubject(blobtest.NewID())
	loopstest.NoError(t, err)
	discard := jobs.DiscardUpload{Models: u.Job.Models, Blobs: u.Job.Blobs}
	if err := discard.Work(t.Context(), &river.Job[queue.DiscardUpload]{JobRow: &rivertype.JobRow{}, Args: queue.DiscardUpload{UploadID: subject}}); !errors.As(err, &later) {
		t.Errorf("a discarded upload: %v", err)
	}
	remove := jobs.DeleteImage{Models: u.Job.Models, Blobs: u.Job.Blobs, Log: slog.New(slog.DiscardHandler)}
	if err := remove.Work(t.Context(), &river.Job[queue.DeleteImage]{JobRow: &rivertype.JobRow{}, Args: queue.DeleteImage{CanonicalDigest: blobtest.Digest}}); !errors.As(err, &later) {
		t.Errorf("a deleted image: %v", err)
	}
}
