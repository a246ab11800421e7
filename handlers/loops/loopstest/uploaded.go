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

// Again brings the same bytes once more, as another upload.
func (u *Uploaded) Again(content []byte) uuid.UUID {
	u.t.Helper()
	id := strings.ReplaceAll(uuid.NewString(), "-", "")
	NoError(u.t, u.DB.Models.CreateUpload(u.t.Context(), u.Org, u.Person, id, "disk.img", int64(len(content))))
	_, err := u.Blobs.Put(u.t.Context(), blob.UploadKey(id), strings.NewReader(string(content)))
	NoError(u.t, err)
	image, err := u.DB.Models.FinishUpload(u.t.Context(), u.Person, id, "")
	NoError(u.t, err)
	return image
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

// UploadID is the id of every upload here.
const UploadID = "0123456789abcdef0123456789abcdef"

// Uploaded is an image whose upload has just been finished.
type Uploaded struct {
	t      *testing.T
	Pool   *pgxpool.Pool
	DB     *floors.All
	Blobs  *blob.Directory
	Org    uuid.UUID
	Person uuid.UUID
	Image  uuid.UUID
	Job    jobs.VerifyImage
}

// Upload is an upload whose bytes have all come, with its image waiting for its check.
func Upload(t *testing.T, content []byte) *Uploaded {
	t.Helper()
	pool := storetest.Pool(t)
	u := &Uploaded{t: t, Pool: pool, DB: storetest.Open(t, pool)}
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
	if u.Image, err = u.DB.Models.FinishUpload(t.Context(), u.Person, UploadID, ""); err != nil {
		t.Fatal(err)
	}
	u.Job = jobs.VerifyImage{Models: storetest.OpenAs(t, pool, store.RoleWorker).Models, Blobs: u.Blobs, Verifier: image.Verifier{Scratch: t.TempDir()}, Limits: image.DefaultLimits(), Log: slog.New(slog.DiscardHandler)}
	return u
}

// Work runs the job's attempt.
func (u *Uploaded) Work(ctx context.Context, attempt int) error {
	return u.Job.Work(ctx, &river.Job[queue.VerifyImage]{JobRow: &rivertype.JobRow{Attempt: attempt, MaxAttempts: 3}, Args: queue.VerifyImage{ImageID: u.Image}})
}

// Read is the image as it is now.
func (u *Uploaded) Read() models.Image {
	u.t.Helper()
	i, err := u.DB.Models.Image(u.t.Context(), u.Org, u.Image)
	if err != nil {
		u.t.Fatal(err)
	}
	return i
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
	_, _, err := u.Blobs.Open(u.t.Context(), blob.UploadKey(UploadID))
	return errors.Is(err, blob.ErrNotFound)
}

// BootSectorDisk is a raw disk of 2 MiB that looks as if it booted.
func BootSectorDisk() []byte {
	disk := make([]byte, 2<<20)
	disk[510], disk[511] = 0x55, 0xaa
	return disk
}
