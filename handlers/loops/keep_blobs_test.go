package loops_test

import (
	"log/slog"
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
			u.Again([]byte("a third")) // waits for its check
			for _, key := range []string{image(named), image(nobodys)} {
				put(t, place, key, "x")
			}
			stranger := blobtest.NewID()
			for _, key := range []string{blob.UploadKey(loopstest.UploadID), blob.UploadKey(u.ID), blob.UploadKey(stranger), blob.UploadKey(stranger) + blob.SumsSuffix} {
				put(t, place, key, "x")
			}
			all := keys(t, place)
			var log strings.Builder
			keeper := loops.BlobKeeper{Models: u.Job.Models, Blobs: place, Log: slog.New(slog.NewTextHandler(&log, nil))}
			loopstest.NoError(t, keeper.Sweep(t.Context(), time.Now().Add(-time.Hour)))
			if got := keys(t, place); !slices.Equal(got, all) || strings.Contains(log.String(), missing) {
				t.Errorf("of the young are left %v of %v: %s", got, all, log.String())
			}
			for range 2 {
				loopstest.NoError(t, keeper.Sweep(t.Context(), time.Now().Add(time.Hour)))
				if got, want := keys(t, place), []string{image(named), blob.UploadKey(u.ID)}; !slices.Equal(got, want) {
					t.Errorf("left: %v, want %v", got, want)
				}
			}
			if !strings.Contains(log.String(), "gone from the store") || !strings.Contains(log.String(), missing) || strings.Contains(log.String(), "digests=["+named) {
				t.Errorf("the log does not say what is missing: %s", log.String())
			}
		})
	}
}
