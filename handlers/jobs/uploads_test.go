package jobs_test

import (
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"volary.dev/handlers/jobs"
	"volary.dev/provisioner"
	"volary.dev/store/blob"
)

func TestStaleUploadsAreDiscarded(t *testing.T) {
	u := upload(t, bootSectorDisk())
	keeper := jobs.UploadKeeper{Models: u.job.Models, Blobs: u.blobs, Log: slog.New(slog.DiscardHandler)}
	person := u.person
	const still, moving = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	for _, id := range []string{still, moving} {
		if err := u.db.Models.CreateUpload(t.Context(), u.org, person, id, "disk", 100); err != nil {
			t.Fatal(err)
		}
	}
	created := time.Now()
	if _, err := u.blobs.Put(t.Context(), blob.UploadKey(moving), strings.NewReader("part")); err != nil {
		t.Fatal(err)
	}
	if err := keeper.Discard(t.Context(), created.Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	if list, err := u.db.Models.Uploads(t.Context(), u.org); err != nil || len(list) != 2 {
		t.Fatalf("uploads of this hour: %v, %v", list, err)
	}
	// A file's time comes from a coarser clock than the database's: it is set rather than measured.
	path, release, err := u.blobs.Local(t.Context(), blob.UploadKey(moving))
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if err := os.Chtimes(path, time.Time{}, created.Add(2*time.Second)); err != nil {
		t.Fatal(err)
	}
	if err := keeper.Discard(t.Context(), created.Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	list, err := u.db.Models.Uploads(t.Context(), u.org)
	if err != nil || len(list) != 1 || list[0].ID != moving {
		t.Errorf("left: %v, %v; want the one that moves", list, err)
	}
}

func TestUnverifiedImagesAreTriedAgain(t *testing.T) {
	u := upload(t, bootSectorDisk())
	path := u.withoutTools()
	if err := u.work(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if i := u.read(); i.State != provisioner.ImageUnverified {
		t.Fatalf("image = %s", i.State)
	}
	t.Setenv("PATH", path)
	// The first job waits in the queue still: one verification at a time is enough.
	if n, err := u.db.Models.RetryUnverified(t.Context()); err != nil || n != 1 {
		t.Errorf("RetryUnverified = %d, %v", n, err)
	}
	if err := u.work(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if n, err := u.db.Models.RetryUnverified(t.Context()); err != nil || n != 0 {
		t.Errorf("RetryUnverified of a ready image = %d, %v", n, err)
	}
}
