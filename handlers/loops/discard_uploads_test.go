package loops_test

import (
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"volary.dev/handlers/loops"
	"volary.dev/handlers/loops/loopstest"
	"volary.dev/provisioner"
	"volary.dev/store/blob"
)

func TestStaleUploadsAreDiscarded(t *testing.T) {
	u := loopstest.Upload(t, loopstest.BootSectorDisk())
	keeper := loops.UploadKeeper{Models: u.Job.Models, Blobs: u.Blobs, Log: slog.New(slog.DiscardHandler)}
	person := u.Person
	const still, moving = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
	for _, id := range []string{still, moving} {
		if err := u.DB.Models.CreateUpload(t.Context(), u.Org, person, id, "disk", 100); err != nil {
			t.Fatal(err)
		}
	}
	created := time.Now()
	for _, beside := range []string{blob.NoteSuffix, blob.SumsSuffix} { // its bytes never came
		if _, err := u.Blobs.Put(t.Context(), blob.UploadKey(still)+beside, strings.NewReader("beside")); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := u.Blobs.Put(t.Context(), blob.UploadKey(moving), strings.NewReader("part")); err != nil {
		t.Fatal(err)
	}
	if err := keeper.Discard(t.Context(), created.Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	if list, err := u.DB.Models.ArrivingUploads(t.Context(), u.Org); err != nil || len(list) != 2 {
		t.Fatalf("uploads of this hour: %v, %v", list, err)
	}
	// A file's time comes from a coarser clock than the database's: it is set rather than measured.
	path, release, err := u.Blobs.Local(t.Context(), blob.UploadKey(moving))
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if err := os.Chtimes(path, time.Time{}, created.Add(2*time.Second)); err != nil {
		t.Fatal(err)
	}
	// Somebody goes on with it at this moment, though nothing came yet.
	sender := uuid.New()
	if free, err := u.DB.Models.TakeUploadLock(t.Context(), still, sender, time.Minute); err != nil || !free {
		t.Fatalf("its lock: %v", err)
	}
	loopstest.NoError(t, keeper.Discard(t.Context(), created.Add(time.Second)))
	if _, err := u.DB.Models.Upload(t.Context(), u.Org, still); err != nil {
		t.Errorf("discarded under its sender: %v", err)
	}
	loopstest.NoError(t, u.DB.Models.LeaveUploadLock(t.Context(), still, sender))
	if err := keeper.Discard(t.Context(), created.Add(time.Second)); err != nil {
		t.Fatal(err)
	}
	list, err := u.DB.Models.ArrivingUploads(t.Context(), u.Org)
	if err != nil || len(list) != 1 || list[0].ID != moving {
		t.Errorf("left: %v, %v; want the one that moves", list, err)
	}
	for _, l := range listed(t, u.Blobs, "uploads") {
		if strings.HasPrefix(l.Key, blob.UploadKey(still)) {
			t.Errorf("%s of a discarded upload is there still", l.Key)
		}
	}
}

func listed(t *testing.T, blobs blob.Store, folder string) []blob.Listed {
	t.Helper()
	list, more, err := blobs.List(t.Context(), folder, "")
	if err != nil || more {
		t.Fatalf("list %s: %v %v", folder, more, err)
	}
	return list
}

func TestUnverifiedUploadsAreTriedAgain(t *testing.T) {
	u := loopstest.Upload(t, loopstest.BootSectorDisk())
	path := u.WithoutTools()
	if err := u.Work(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if i := u.Read(); i.State != provisioner.UploadUnverified {
		t.Fatalf("upload = %s", i.State)
	}
	t.Setenv("PATH", path)
	// The first job waits in the queue still: one verification at a time is enough.
	if n, err := u.DB.Models.RetryUnverified(t.Context()); err != nil || n != 1 {
		t.Errorf("RetryUnverified = %d, %v", n, err)
	}
	if err := u.Work(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if n, err := u.DB.Models.RetryUnverified(t.Context()); err != nil || n != 0 {
		t.Errorf("RetryUnverified of one that is done = %d, %v", n, err)
	}
}

// An upload whose verification was cut off at every try is not said to be checked for ever.
func TestChecksThatNobodyMakesAreGivenUp(t *testing.T) {
	u := loopstest.Upload(t, loopstest.BootSectorDisk())
	later := time.Now().Add(time.Hour)
	if n, err := u.Job.Models.GiveUpChecks(t.Context(), later); err != nil || n != 0 {
		t.Errorf("GiveUpChecks while its job waits = %d, %v", n, err)
	}
	_, err := u.Pool.Exec(t.Context(), `UPDATE river_job SET state = 'discarded', finalized_at = now() WHERE kind = 'verify_upload'`)
	loopstest.NoError(t, err)
	if n, err := u.Job.Models.GiveUpChecks(t.Context(), time.Now().Add(-time.Hour)); err != nil || n != 0 {
		t.Errorf("GiveUpChecks of one that has just come = %d, %v", n, err)
	}
	if n, err := u.Job.Models.GiveUpChecks(t.Context(), later); err != nil || n != 1 {
		t.Errorf("GiveUpChecks = %d, %v", n, err)
	}
	if up := u.Read(); up.State != provisioner.UploadUnverified || up.Reason == "" {
		t.Errorf("the upload is %s: %s", up.State, up.Reason)
	}
	if n, err := u.Job.Models.RetryUnverified(t.Context()); err != nil || n != 1 {
		t.Errorf("RetryUnverified = %d, %v", n, err)
	}
}

// Refused uploads go a while after their verdict, with what is left of their bytes.
func TestRefusedUploadsAreForgotten(t *testing.T) {
	u := loopstest.Upload(t, []byte(strings.Repeat("no image at all\n", 1000)))
	loopstest.NoError(t, u.Work(t.Context(), 1))
	_, err := u.Blobs.Put(t.Context(), blob.UploadKey(u.ID), strings.NewReader("left by a worker that died"))
	loopstest.NoError(t, err)
	keeper := loops.UploadKeeper{Models: u.Job.Models, Blobs: u.Blobs, Log: slog.New(slog.DiscardHandler)}
	loopstest.NoError(t, keeper.Forget(t.Context(), time.Now().Add(-time.Hour)))
	if i := u.Read(); i.State != provisioner.UploadRefused {
		t.Fatalf("upload = %+v", i)
	}
	loopstest.NoError(t, keeper.Forget(t.Context(), time.Now().Add(time.Hour)))
	if _, total, err := u.DB.Models.Uploads(t.Context(), u.Org); err != nil || total != 0 || !u.BytesGone() {
		t.Errorf("%d are left, %v; bytes gone: %t", total, err, u.BytesGone())
	}
}
