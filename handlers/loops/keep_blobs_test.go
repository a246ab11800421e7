package loops_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"volary.dev/handlers/loops"
	"volary.dev/handlers/loops/loopstest"
	"volary.dev/store/blob"
	"volary.dev/store/blob/blobtest"
	"volary.dev/store/storetest"
)

func put(t *testing.T, p blob.Place, key, content string) {
	t.Helper()
	if _, err := p.Put(t.Context(), key, strings.NewReader(content)); err != nil {
		t.Fatal(err)
	}
}

func keys(t *testing.T, p blob.Place) (all []string) {
	t.Helper()
	for _, folder := range []string{"images", "uploads"} {
		for _, l := range listed(t, p, folder) {
			all = append(all, l.Key)
		}
	}
	return all
}

// What no row names goes, once it is old; what one names stays, and is missed where it is gone. Over a folder and a bucket.
func TestBlobsOfNobodyAreSwept(t *testing.T) {
	for name, open := range map[string]func(t *testing.T) blob.Place{
		"folder": func(t *testing.T) blob.Place {
			d, err := blob.OpenDirectory(t.TempDir())
			loopstest.NoError(t, err)
			return d
		},
		"bucket": func(t *testing.T) blob.Place { return blobtest.Serve(t).Place(t) },
	} {
		t.Run(name, func(t *testing.T) {
			u, place := loopstest.Upload(t, loopstest.BootSectorDisk()), open(t)
			named, nobodys, missing := "b"+blobtest.Digest[1:], "a"+blobtest.Digest[1:], "c"+blobtest.Digest[1:]
			image := func(digest string) string {
				key, err := blob.ImageKey(digest)
				loopstest.NoError(t, err)
				return key
			}
			done := func(digest string) {
				_, err := u.DB.Models.RecordVerdict(t.Context(), u.ID, storetest.DoneVerdict(digest))
				loopstest.NoError(t, err)
			}
			done(named)
			u.Again([]byte("another"))
			done(missing)
			u.Again([]byte("a third"))                            // waits for its check
			put(t, place, image(named), strings.Repeat("x", 900)) // as many as its row says
			put(t, place, image(nobodys), "x")
			stranger := blobtest.NewID()
			for _, key := range []string{blob.UploadKey(loopstest.UploadID), blob.UploadKey(u.ID), blob.UploadKey(stranger), blob.UploadKey(stranger) + blob.SumsSuffix} {
				put(t, place, key, "x")
			}
			all := keys(t, place)
			var log strings.Builder
			keeper := loops.BlobKeeper{Models: u.Job.Models, Blobs: place, Log: slog.New(slog.NewTextHandler(&log, nil))}
			loopstest.NoError(t, keeper.Sweep(t.Context(), time.Now().Add(-time.Hour)))
			if got := keys(t, place); !slices.Equal(got, all) {
				t.Errorf("of the young are left %v of %v: %s", got, all, log.String())
			}
			for range 2 {
				loopstest.NoError(t, keeper.Sweep(t.Context(), time.Now().Add(time.Hour)))
				if got, want := keys(t, place), []string{image(named), blob.UploadKey(u.ID)}; !slices.Equal(got, want) {
					t.Errorf("left: %v, want %v", got, want)
				}
			}
			if strings.Count(log.String(), "gone from the store") != 1 || !strings.Contains(log.String(), "digest="+missing) || strings.Contains(log.String(), named) {
				t.Errorf("the log does not say what is missing: %s", log.String())
			}
		})
	}
}

// A database that names next to nothing of what lies there is taken for another's: nothing goes, and the log says so. What is little, or a
// small share, goes.
func TestSweepDoesNotTrustAnEmptyDatabase(t *testing.T) {
	u := loopstest.Upload(t, loopstest.BootSectorDisk())
	place, err := blob.OpenDirectory(t.TempDir())
	loopstest.NoError(t, err)
	var log strings.Builder
	keeper := loops.BlobKeeper{Models: u.Job.Models, Blobs: place, Log: slog.New(slog.NewTextHandler(&log, nil))}
	sweep := func() []string {
		loopstest.NoError(t, keeper.Sweep(t.Context(), time.Now().Add(time.Hour)))
		return keys(t, place)
	}
	image := func(n int) string {
		key, err := blob.ImageKey(fmt.Sprintf("%064x", n))
		loopstest.NoError(t, err)
		return key
	}
	for n := range 21 {
		put(t, place, image(n), "x")
		for _, beside := range []string{"", blob.SumsSuffix} { // one upload, however much lies beside it
			put(t, place, blob.UploadKey(fmt.Sprintf("%032x", n))+beside, "x")
		}
	}
	all := keys(t, place)
	if got := sweep(); !slices.Equal(got, all) {
		t.Errorf("%d of %d are left", len(got), len(all))
	}
	for _, want := range []string{"folder=images nobodys=21 listed=21", "folder=uploads nobodys=21 listed=21", "operate.md"} {
		if !strings.Contains(log.String(), want) || !strings.Contains(log.String(), "level=ERROR") {
			t.Errorf("the log does not say %q: %s", want, log.String())
		}
	}
	// One less is little.
	loopstest.NoError(t, place.Delete(t.Context(), image(0)))
	loopstest.NoError(t, place.Uploads().Discard(t.Context(), fmt.Sprintf("%032x", 0)))
	if got := sweep(); len(got) != 0 {
		t.Errorf("left: %v", got)
	}
}

// pageOfNothing is a store one of whose pages has nothing and is not the last.
type pageOfNothing struct{ blob.Place }

// List implements blob.Store.
func (pageOfNothing) List(context.Context, string, string) ([]blob.Listed, bool, error) {
	return nil, true, nil
}

// A list that breaks off is no list: no image is missed by it.
func TestSweepOfABrokenList(t *testing.T) {
	u := loopstest.Upload(t, loopstest.BootSectorDisk())
	_, err := u.DB.Models.RecordVerdict(t.Context(), u.ID, storetest.DoneVerdict(blobtest.Digest))
	loopstest.NoError(t, err)
	var log strings.Builder
	keeper := loops.BlobKeeper{Models: u.Job.Models, Blobs: pageOfNothing{}, Log: slog.New(slog.NewTextHandler(&log, nil))}
	if err := keeper.Sweep(t.Context(), time.Now().Add(time.Hour)); err == nil || strings.Contains(log.String(), "gone from the store") {
		t.Errorf("%v: %s", err, log.String())
	}
}

// A tenth of the store is no sign of another database.
func TestSweepRemovesASmallShare(t *testing.T) {
	u, root := loopstest.Upload(t, loopstest.BootSectorDisk()), t.TempDir()
	place, err := blob.OpenDirectory(root)
	loopstest.NoError(t, err)
	const all, old = 210, 21
	for n := range all {
		key, err := blob.ImageKey(fmt.Sprintf("%064x", n))
		loopstest.NoError(t, err)
		put(t, place, key, "x")
		if long := time.Now().Add(-2 * time.Hour); n < old {
			loopstest.NoError(t, os.Chtimes(filepath.Join(root, key), long, long))
		}
	}
	keeper := loops.BlobKeeper{Models: u.Job.Models, Blobs: place, Log: slog.New(slog.DiscardHandler)}
	loopstest.NoError(t, keeper.Sweep(t.Context(), time.Now().Add(-time.Hour)))
	if left := len(keys(t, place)); left != all-old {
		t.Errorf("%d are left of %d, of which %d are old and nobody's", left, all, old)
	}
}
