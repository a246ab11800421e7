package loops_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"volary.dev/handlers/loops"
	"volary.dev/handlers/loops/loopstest"
	"volary.dev/provisioner/waittest"
	"volary.dev/store"
	"volary.dev/store/blob"
	"volary.dev/store/blob/blobtest"
	"volary.dev/store/models"
	"volary.dev/store/storetest"
)

// lostImage is an image whose bytes come and go.
type lostImage struct {
	*testing.T
	u      *loopstest.Uploaded
	image  models.Image
	keeper *loops.BlobKeeper
	bytes  string
}

func newLostImage(t *testing.T, place blob.Place) *lostImage {
	t.Helper()
	l := &lostImage{T: t, u: loopstest.Upload(t, loopstest.BootSectorDisk())}
	l.u.Job.Blobs = place
	put(t, place, blob.UploadKey(l.u.ID), string(loopstest.BootSectorDisk()))
	loopstest.NoError(t, l.u.Work(t.Context(), 1))
	l.image = l.u.Made()
	l.keeper = &loops.BlobKeeper{Models: l.u.Job.Models, Blobs: place, Log: slog.New(slog.DiscardHandler)}
	r, _, err := place.Open(t.Context(), l.key())
	loopstest.NoError(t, err)
	defer r.Close()
	all, err := io.ReadAll(r)
	loopstest.NoError(t, err)
	l.bytes = string(all)
	return l
}

func (l *lostImage) key() string {
	key, err := blob.ImageKey(l.image.CanonicalDigest)
	loopstest.NoError(l.T, err)
	return key
}

func (l *lostImage) is(want models.BlobLoss, when string) {
	l.Helper()
	i, err := l.u.DB.Models.Image(l.Context(), l.u.Org, l.image.ID)
	if err != nil || i.Lost != want || (i.LostAt == nil) != (want == models.BlobWhole) {
		l.Errorf("%s: lost %q at %v, %v; want %q", when, i.Lost, i.LostAt, err, want)
	}
}

func (l *lostImage) swept() {
	l.Helper()
	loopstest.NoError(l.T, l.keeper.Sweep(l.Context(), time.Now().Add(-time.Hour)))
}

func (l *lostImage) readWhole() {
	l.Helper()
	loops.BlobLook{Models: l.keeper.Models, Blobs: l.keeper.Blobs, Log: l.keeper.Log}.Used(l.Context(), l.image.CanonicalDigest, true)
}

// An image says what became of its bytes, and no more once they are back: by a look, or since somebody brought them again. Over a folder
// and a bucket.
func TestImagesSayWhatTheyLost(t *testing.T) {
	for name, open := range map[string]func(t *testing.T) blob.Place{
		"folder": func(t *testing.T) blob.Place {
			d, err := blob.OpenDirectory(t.TempDir())
			loopstest.NoError(t, err)
			return d
		},
		"bucket": func(t *testing.T) blob.Place { return blobtest.Serve(t).Place(t) },
	} {
		t.Run(name, func(t *testing.T) {
			place := open(t)
			l := newLostImage(t, place)
			l.swept()
			l.is(models.BlobWhole, "at first")
			loopstest.NoError(t, place.Delete(t.Context(), l.key()))
			l.swept()
			l.is(models.BlobGone, "without its bytes")
			put(t, place, l.key(), l.bytes[1:])
			loopstest.NoError(t, l.keeper.LookAgain(t.Context()))
			l.is(models.BlobSize, "with a part of them")
			put(t, place, l.key(), l.bytes)
			loopstest.NoError(t, l.keeper.LookAgain(t.Context()))
			l.is(models.BlobWhole, "back")
			put(t, place, l.key(), "x"+l.bytes[1:])
			l.swept()
			l.is(models.BlobWhole, "with others, that nobody has read")
			l.readWhole()
			l.is(models.BlobOther, "with others, read")
			l.swept()
			l.is(models.BlobOther, "with others, listed")
			put(t, place, l.key(), l.bytes)
			l.readWhole()
			l.is(models.BlobWhole, "back and read")
			loopstest.NoError(t, place.Delete(t.Context(), l.key()))
			l.swept()
			// Somebody uploads the same file.
			l.u.Again(loopstest.BootSectorDisk())
			put(t, place, blob.UploadKey(l.u.ID), string(loopstest.BootSectorDisk()))
			l.is(models.BlobGone, "before the second upload is judged")
			loopstest.NoError(t, l.u.Work(t.Context(), 1))
			l.is(models.BlobWhole, "since the second upload")
		})
	}
}

// A store that does not answer has lost nothing, whoever asks.
func TestAStoreThatIsAwayHasLostNothing(t *testing.T) {
	server := blobtest.Serve(t)
	l := newLostImage(t, server.Place(t))
	server.Stop()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second) //nolint:forbidigo // it may pass: nobody answers
	defer cancel()
	if err := l.keeper.Sweep(ctx, time.Now()); err == nil {
		t.Error("a sweep of nothing found nothing wrong")
	}
	loops.BlobLook{Models: l.keeper.Models, Blobs: l.keeper.Blobs, Log: l.keeper.Log}.Used(ctx, l.image.CanonicalDigest, false)
	l.is(models.BlobWhole, "while the store is away")
	server.Again(t)
	loopstest.NoError(t, l.keeper.Blobs.Delete(t.Context(), l.key()))
	l.swept()
	l.is(models.BlobGone, "without its bytes")
	server.Stop()
	ctx, cancel = context.WithTimeout(t.Context(), 5*time.Second) //nolint:forbidigo // it may pass: nobody answers
	defer cancel()
	if err := l.keeper.LookAgain(ctx); err == nil {
		t.Error("a look at nothing found nothing wrong")
	}
	l.is(models.BlobGone, "while the store is away again")
}

// A list that breaks off, and one that lies, are no reason: the bytes themselves are asked for.
func TestOnlyAskedBytesAreLost(t *testing.T) {
	d, err := blob.OpenDirectory(t.TempDir())
	loopstest.NoError(t, err)
	l := newLostImage(t, d)
	l.keeper.Blobs = emptyList{d}
	l.swept()
	l.is(models.BlobWhole, "listed by nobody")
}

// emptyList is a store whose list has nothing.
type emptyList struct{ blob.Place }

// List implements blob.Store.
func (emptyList) List(context.Context, string, string) ([]blob.Listed, bool, error) {
	return nil, false, nil
}

// Who wants an image's bytes and finds none, or others, says so, and the image is marked. A store that fails is no such finding.
func TestALaunchFindsLostBytes(t *testing.T) {
	t.Parallel()
	for want, content := range map[models.BlobLoss]string{models.BlobGone: "", models.BlobOther: strings.Repeat("?", len(loopstest.Disk))} {
		t.Run(string(want), func(t *testing.T) {
			t.Parallel()
			b := loopstest.NewBench(t)
			worker := storetest.OpenAs(t, b.Pool, store.RoleWorker)
			e := b.Engine("one", worker, b.Simulated.Dial)
			d, err := blob.OpenDirectory(t.TempDir())
			loopstest.NoError(t, err)
			sum := sha256.Sum256(loopstest.Disk)
			key, err := blob.ImageKey(hex.EncodeToString(sum[:]))
			loopstest.NoError(t, err)
			if content != "" {
				put(t, d, key, content)
			}
			e.OpenImage = func(ctx context.Context, _ string) (io.ReadCloser, error) {
				r, _, err := d.Open(ctx, key)
				return r, err
			}
			e.ImageLost = loops.BlobLook{Models: worker.Models, Blobs: d, Log: e.Log}.Used
			b.Work(t, e)
			b.Launch(t, "trial-1", 0)
			waittest.Until(t, "the image to say what it lost", func() bool {
				i, err := b.DB.Models.Image(t.Context(), b.Organization, b.Image)
				loopstest.NoError(t, err)
				return i.Lost == want
			})
			_, err = b.DB.Machines.LaunchCluster(t.Context(), b.Organization, b.Person, storetest.OneHour(b.World, "trial-2", 0))
			storetest.WantRefusal(t, err, "image_lost")
		})
	}
}
