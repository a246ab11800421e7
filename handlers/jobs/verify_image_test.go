package jobs_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"volary.dev/handlers/jobs"
	"volary.dev/provisioner"
	"volary.dev/provisioner/image"
	"volary.dev/store"
	"volary.dev/store/blob"
	"volary.dev/store/floors"
	"volary.dev/store/models"
	"volary.dev/store/people"
	"volary.dev/store/queue"
	"volary.dev/store/storetest"
)

const uploadID = "0123456789abcdef0123456789abcdef"

// uploaded is an image whose upload has just been finished.
type uploaded struct {
	t      *testing.T
	pool   *pgxpool.Pool
	db     *floors.All
	blobs  *blob.Directory
	org    uuid.UUID
	person uuid.UUID
	image  uuid.UUID
	job    jobs.VerifyImage
}

func upload(t *testing.T, content []byte) *uploaded {
	t.Helper()
	pool := storetest.Pool(t)
	u := &uploaded{t: t, pool: pool, db: storetest.Open(t, pool)}
	var err error
	if u.blobs, err = blob.OpenDirectory(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	if u.org, err = u.db.People.CreateOrganization(t.Context(), uuid.Nil, "Atlas"); err != nil {
		t.Fatal(err)
	}
	u.person, err = u.db.People.CreatePerson(t.Context(), uuid.Nil, people.NewPerson{Email: "ada@example.org", Name: "Ada", Password: "correct horse battery"})
	if err != nil {
		t.Fatal(err)
	}
	if err := u.db.Models.CreateUpload(t.Context(), u.org, u.person, uploadID, "disk.img", int64(len(content))); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{blob.UploadKey(uploadID), blob.UploadKey(uploadID) + ".info"} {
		if _, err := u.blobs.Put(t.Context(), key, bytes.NewReader(content)); err != nil {
			t.Fatal(err)
		}
	}
	if u.image, err = u.db.Models.FinishUpload(t.Context(), uploadID, ""); err != nil {
		t.Fatal(err)
	}
	u.job = jobs.VerifyImage{Models: storetest.OpenAs(t, pool, store.RoleWorker).Models, Blobs: u.blobs, Verifier: image.Verifier{Scratch: t.TempDir()}, Limits: image.DefaultLimits(), Log: slog.New(slog.DiscardHandler)}
	return u
}

func (u *uploaded) work(ctx context.Context, attempt int) error {
	return u.job.Work(ctx, &river.Job[queue.VerifyImage]{JobRow: &rivertype.JobRow{Attempt: attempt, MaxAttempts: 3}, Args: queue.VerifyImage{ImageID: u.image}})
}

func (u *uploaded) read() models.Image {
	u.t.Helper()
	i, err := u.db.Models.Image(u.t.Context(), u.org, u.image)
	if err != nil {
		u.t.Fatal(err)
	}
	return i
}

// withoutTools hides qemu-img and gives what PATH was.
func (u *uploaded) withoutTools() string {
	u.t.Helper()
	path := os.Getenv("PATH")
	u.t.Setenv("PATH", u.t.TempDir())
	return path
}

func (u *uploaded) bytesGone() bool {
	_, _, err := u.blobs.Open(u.t.Context(), blob.UploadKey(uploadID))
	return errors.Is(err, blob.ErrNotFound)
}

// bootSectorDisk is a raw disk of 2 MiB that looks as if it booted.
func bootSectorDisk() []byte {
	disk := make([]byte, 2<<20)
	disk[510], disk[511] = 0x55, 0xaa
	return disk
}

func TestVerifyImageMakesCanonical(t *testing.T) {
	u := upload(t, bootSectorDisk())
	for range 2 { // as after a worker that died when all was done
		if err := u.work(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
	}
	i := u.read()
	if i.State != provisioner.ImageReady || i.VirtualSize != 2<<20 || i.VerifiedAt == nil || i.UploadedDigest != i.ContentDigest {
		t.Fatalf("image = %+v", i)
	}
	key, err := blob.ImageKey(i.CanonicalDigest)
	if err != nil {
		t.Fatal(err)
	}
	r, size, err := u.blobs.Open(t.Context(), key)
	if err != nil || size != i.CanonicalSize {
		t.Fatalf("canonical image: %d bytes, %v", size, err)
	}
	r.Close()
	if !u.bytesGone() {
		t.Error("the uploaded bytes are still there")
	}
	if left, _ := os.ReadDir(u.job.Verifier.Scratch); len(left) > 0 {
		t.Errorf("%d folders left in scratch", len(left))
	}
}

func TestVerifyImageRefuses(t *testing.T) {
	u := upload(t, []byte(strings.Repeat("no image at all\n", 1000)))
	if err := u.work(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	i := u.read()
	if i.State != provisioner.ImageRefused || i.Reason == "" || len(i.Checks) == 0 || !u.bytesGone() {
		t.Errorf("image = %+v, bytes gone: %t", i, u.bytesGone())
	}
}

func TestVerifyImageWithoutQEMUImgKeepsTheUpload(t *testing.T) {
	u := upload(t, bootSectorDisk())
	path := u.withoutTools()
	if err := u.work(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if i := u.read(); i.State != provisioner.ImageUnverified || !strings.Contains(i.Reason, "qemu-img") || u.bytesGone() {
		t.Errorf("image = %+v, bytes gone: %t", i, u.bytesGone())
	}
	t.Setenv("PATH", path)
	if err := u.work(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if i := u.read(); i.State != provisioner.ImageReady {
		t.Errorf("once qemu-img is there: %s %s", i.State, i.Reason)
	}
}

func TestVerifyImageEndsWithItsLastAttempt(t *testing.T) {
	u := upload(t, bootSectorDisk())
	u.job.Verifier.Scratch = "/nonexistent"
	if err := u.work(t.Context(), 1); err == nil {
		t.Error("a machine that fails was not reported")
	}
	if i := u.read(); i.State != provisioner.ImageChecking {
		t.Errorf("after the first attempt: %s", i.State)
	}
	if err := u.work(t.Context(), 3); err != nil {
		t.Fatal(err)
	}
	if i := u.read(); i.State != provisioner.ImageUnverified || i.Reason == "" {
		t.Errorf("after the last attempt: %s %q", i.State, i.Reason)
	}
}

func TestVerifyImageWithoutItsBytes(t *testing.T) {
	u := upload(t, bootSectorDisk())
	if err := u.blobs.Delete(t.Context(), blob.UploadKey(uploadID)); err != nil {
		t.Fatal(err)
	}
	if err := u.work(t.Context(), 1); err != nil {
		t.Fatal(err)
	}
	if i := u.read(); i.State != provisioner.ImageRefused {
		t.Errorf("image = %+v", i)
	}
}
