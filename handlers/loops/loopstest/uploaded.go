package loopstest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"
	"volary.dev/handlers/jobs"
	"volary.dev/provisioner/image"
	"volary.dev/provisioner/memory"
	"volary.dev/store"
	"volary.dev/store/blob"
	"volary.dev/store/floors"
	"volary.dev/store/models"
	"volary.dev/store/people"
	"volary.dev/store/queue"
	"volary.dev/store/storetest"
)

// Again brings the same bytes once more, as another upload, which is worked from now on.
func (u *Uploaded) Again(content []byte) {
	u.t.Helper()
	u.ID = strings.ReplaceAll(uuid.NewString(), "-", "")
	NoError(u.t, u.DB.Models.CreateUpload(u.t.Context(), u.Org, u.Person, u.ID, "disk.img", int64(len(content))))
	_, err := u.Blobs.Put(u.t.Context(), blob.UploadKey(u.ID), strings.NewReader(string(content)))
	NoError(u.t, err)
	NoError(u.t, u.DB.Models.FinishUpload(u.t.Context(), u.Person, u.ID))
}

// Remove deletes an image and gives the work that removes its bytes.
func (u *Uploaded) Remove(i models.Image) func() error {
	u.t.Helper()
	NoError(u.t, u.DB.Models.DeleteImage(u.t.Context(), u.Org, u.Person, i.ID))
	job := jobs.DeleteImage{Models: u.Job.Models, Blobs: u.Blobs, Log: slog.New(slog.DiscardHandler)}
	return func() error {
		return job.Work(u.t.Context(), &river.Job[queue.DeleteImage]{
			JobRow: &rivertype.JobRow{}, Args: queue.DeleteImage{ImageID: i.ID, UploadID: i.UploadID, CanonicalDigest: i.CanonicalDigest},
		})
	}
}

// Keeps tells whether canonical bytes of a digest are there.
func (u *Uploaded) Keeps(digest string) bool {
	u.t.Helper()
	key, err := blob.ImageKey(digest)
	NoError(u.t, err)
	r, _, err := u.Blobs.Open(u.t.Context(), key)
	if errors.Is(err, blob.ErrNotFound) {
		return false
	}
	NoError(u.t, err)
	NoError(u.t, r.Close())
	return true
}

// Bring puts bytes on a host as an image, and gives their digest.
func Bring(t *testing.T, h *memory.Host, content string) string {
	t.Helper()
	sum := sha256.Sum256([]byte(content))
	digest := hex.EncodeToString(sum[:])
	NoError(t, h.EnsureImage(t.Context(), digest, int64(len(content)), func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(content)), nil
	}))
	return digest
}

// UploadID is the id of the first upload of each test here.
const UploadID = "0123456789abcdef0123456789abcdef"

// Uploaded is an upload whose bytes have all come.
type Uploaded struct {
	t      *testing.T
	Pool   *pgxpool.Pool
	DB     *floors.All
	Blobs  *blob.Directory
	Org    uuid.UUID
	Person uuid.UUID
	ID     string
	Job    jobs.VerifyUpload
}

// Upload is an upload whose bytes have all come, and which waits for its check.
func Upload(t *testing.T, content []byte) *Uploaded {
	t.Helper()
	pool := storetest.Pool(t)
	u := &Uploaded{t: t, Pool: pool, DB: storetest.Open(t, pool), ID: UploadID}
	var err error
	if u.Blobs, err = blob.OpenDirectory(t.TempDir()); err != nil {
		t.Fatal(err)
	}
	if u.Org, err = u.DB.People.CreateOrganization(t.Context(), uuid.Nil, "Atlas"); err != nil {
		t.Fatal(err)
	}
	u.Person, err = u.DB.People.CreatePerson(t.Context(), uuid.Nil, people.NewPerson{Email: "ada@example.org", Name: "Ada", Password: "correct horse battery"})
	if err != nil {
		t.Fatal(err)
	}
	NoError(t, u.DB.People.AddMember(t.Context(), uuid.Nil, u.Org, u.Person, people.RoleOwner))
	if err := u.DB.Models.CreateUpload(t.Context(), u.Org, u.Person, UploadID, "disk.img", int64(len(content))); err != nil {
		t.Fatal(err)
	}
	for _, beside := range []string{"", blob.NoteSuffix, blob.SumsSuffix} {
		if _, err := u.Blobs.Put(t.Context(), blob.UploadKey(UploadID)+beside, bytes.NewReader(content)); err != nil {
			t.Fatal(err)
		}
	}
	NoError(t, u.DB.Models.FinishUpload(t.Context(), u.Person, UploadID))
	u.Job = jobs.VerifyUpload{Models: storetest.OpenAs(t, pool, store.RoleWorker).Models, Blobs: u.Blobs, Verifier: image.Verifier{Scratch: t.TempDir()}, Limits: image.DefaultLimits(), Log: slog.New(slog.DiscardHandler)}
	return u
}

// Work runs the job's attempt.
func (u *Uploaded) Work(ctx context.Context, attempt int) error {
	subject, err := models.UploadSubject(u.ID)
	if err != nil {
		return err
	}
	return u.Job.Work(ctx, &river.Job[queue.VerifyUpload]{JobRow: &rivertype.JobRow{Attempt: attempt, MaxAttempts: 3}, Args: queue.VerifyUpload{UploadID: subject}})
}

// Read is the upload as it is now.
func (u *Uploaded) Read() models.Upload {
	u.t.Helper()
	up, err := u.DB.Models.Upload(u.t.Context(), u.Org, u.ID)
	if err != nil {
		u.t.Fatal(err)
	}
	return up
}

// Made is the image that came of it.
func (u *Uploaded) Made() models.Image {
	u.t.Helper()
	return storetest.ImageOf(u.t, u.DB, u.Org, u.ID)
}

// Discard removes the upload, which is no image, and gives the work that removes its bytes.
func (u *Uploaded) Discard() func() error {
	u.t.Helper()
	NoError(u.t, u.DB.Models.RemoveUpload(u.t.Context(), u.Org, u.Person, u.ID))
	subject, err := models.UploadSubject(u.ID)
	NoError(u.t, err)
	job := jobs.DiscardUpload{Models: u.Job.Models, Blobs: u.Blobs}
	return func() error {
		return job.Work(u.t.Context(), &river.Job[queue.DiscardUpload]{JobRow: &rivertype.JobRow{}, Args: queue.DiscardUpload{UploadID: subject}})
	}
}

// WithoutTools hides qemu-img and gives what PATH was.
func (u *Uploaded) WithoutTools() string {
	u.t.Helper()
	path := os.Getenv("PATH")
	u.t.Setenv("PATH", u.t.TempDir())
	return path
}

// BytesGone tells whether the uploaded bytes are removed.
func (u *Uploaded) BytesGone() bool {
	_, _, err := u.Blobs.Open(u.t.Context(), blob.UploadKey(u.ID))
	return errors.Is(err, blob.ErrNotFound)
}

// BootSectorDisk is a raw disk of 2 MiB that looks as if it booted.
func BootSectorDisk() []byte {
	disk := make([]byte, 2<<20)
	disk[510], disk[511] = 0x55, 0xaa
	return disk
}
