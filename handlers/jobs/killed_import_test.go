package jobs_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"volary.dev/handlers/jobs"
	"volary.dev/handlers/loops"
	"volary.dev/handlers/loops/loopstest"
	"volary.dev/provisioner/image"
	"volary.dev/store"
	"volary.dev/store/blob"
	"volary.dev/store/blob/blobtest"
	"volary.dev/store/blob/bucket"
	"volary.dev/store/floors"
	"volary.dev/store/models"
	"volary.dev/store/queue"
)

// killedImport is one import in a process of its own, which is killed at a step.
type killedImport struct {
	Database    string
	Folder      string // of blobs; empty: Bucket
	Bucket      string // its name, at Endpoint
	Endpoint    string
	Credentials string
	Scratch     string
	Org, Person uuid.UUID
	ID          string
	Step        int // 0: none
}

// killedImportVariable tells this executable, when it is run again, that it is one.
const killedImportVariable = "VOLARY_TEST_KILLED_IMPORT"

func (k killedImport) place(ctx context.Context) (blob.Place, error) {
	if k.Folder != "" {
		return blob.OpenDirectory(k.Folder)
	}
	return bucket.Open(ctx, bucket.Options{
		Bucket: k.Bucket, Region: "us-east-1", Endpoint: k.Endpoint, PathStyle: true, Credentials: k.Credentials, Scratch: k.Scratch, Bound: 1 << 30,
	})
}

// disk differs from one import to the next.
func (k killedImport) disk() []byte {
	disk := loopstest.BootSectorDisk()
	copy(disk[1<<20:], k.ID)
	return disk
}

// run makes an image of a disk, from its row to its verdict, as web and worker do.
func (k killedImport) run(ctx context.Context, step func()) error {
	pool, err := pgxpool.New(ctx, k.Database)
	if err != nil {
		return err
	}
	defer pool.Close()
	db := floors.New(pool, store.Options{})
	place, err := k.place(ctx)
	if err != nil {
		return err
	}
	disk := k.disk()
	if err := db.Models.CreateUpload(ctx, k.Org, k.Person, k.ID, "disk.img", int64(len(disk))); err != nil {
		return err
	}
	if err := blobtest.Arrive(ctx, place, k.ID, bytes.NewReader(disk), int64(len(disk)), step); err != nil {
		return err
	}
	sums := io.MultiReader(strings.NewReader("half of them"), asked(step), strings.NewReader("the other half"))
	if _, err := place.Put(ctx, blob.UploadKey(k.ID)+blob.SumsSuffix, sums); err != nil {
		return err
	}
	step()
	if err := db.Models.FinishUpload(ctx, k.Person, k.ID); err != nil {
		return err
	}
	return k.verify(ctx, db, stepwise{place, step})
}

func (k killedImport) verify(ctx context.Context, db *floors.All, place blob.Place) error {
	job := jobs.VerifyUpload{Models: db.Models, Blobs: place, Verifier: image.Verifier{Scratch: k.Scratch}, Limits: image.DefaultLimits(), Log: slog.New(slog.DiscardHandler)}
	subject, err := models.UploadSubject(k.ID)
	if err != nil {
		return err
	}
	return job.Work(ctx, &river.Job[queue.VerifyUpload]{JobRow: &rivertype.JobRow{Attempt: 1, MaxAttempts: 3}, Args: queue.VerifyUpload{UploadID: subject}})
}

// asked reads nothing, and is a step.
type asked func()

// Read implements io.Reader.
func (a asked) Read([]byte) (int, error) {
	a()
	return 0, io.EOF
}

// stepwise is a store before and after whose changes there is a step.
type stepwise struct {
	blob.Place
	step func()
}

// Local implements blob.Store.
func (s stepwise) Local(ctx context.Context, key string) (path string, release func(), err error) {
	s.step()
	defer s.step()
	return s.Place.Local(ctx, key)
}

// Adopt implements blob.Store.
func (s stepwise) Adopt(ctx context.Context, key, path string) error {
	s.step()
	defer s.step()
	return s.Place.Adopt(ctx, key, path)
}

// Uploads implements blob.Place.
func (s stepwise) Uploads() blob.Uploads { return stepwiseUploads{s.Place.Uploads(), s.step} }

type stepwiseUploads struct {
	blob.Uploads
	step func()
}

// Discard implements blob.Uploads.
func (s stepwiseUploads) Discard(ctx context.Context, id string) error {
	s.step()
	defer s.step()
	return s.Uploads.Discard(ctx, id)
}

// TestKilledImportProcess is the process of TestKilledImportsLeaveNothing.
func TestKilledImportProcess(t *testing.T) {
	text, is := os.LookupEnv(killedImportVariable)
	if !is {
		return // nobody asked
	}
	var k killedImport
	loopstest.NoError(t, json.Unmarshal([]byte(text), &k))
	steps := 0
	loopstest.NoError(t, k.run(t.Context(), func() {
		if steps++; steps == k.Step {
			_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
			select {} // until it comes
		}
	}))
}

// killedAt runs an import in a process of its own, and tells whether it was killed before its end.
func (k killedImport) killedAt(t *testing.T, step int) bool {
	t.Helper()
	k.Step = step
	text, err := json.Marshal(k)
	loopstest.NoError(t, err)
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestKilledImportProcess$")
	cmd.Env = append(os.Environ(), killedImportVariable+"="+string(text))
	said, err := cmd.CombinedOutput()
	status, _ := cmd.ProcessState.Sys().(syscall.WaitStatus)
	if err != nil && status.Signal() != syscall.SIGKILL {
		t.Fatalf("step %d: %v: %s", step, err, said)
	}
	return err != nil
}

// Whenever the process of an import is killed, what is there after the next worker's work and the sweeps is what rows name: in the store, with
// all that lies beside and below it, and in the scratch folder. Over a folder and a bucket.
func TestKilledImportsLeaveNothing(t *testing.T) {
	if testing.Short() {
		t.Skip("starts and kills some thirty processes")
	}
	for _, over := range []string{"folder", "bucket"} {
		t.Run(over, func(t *testing.T) {
			u := loopstest.Upload(t, loopstest.BootSectorDisk())
			_, err := u.Pool.Exec(t.Context(), `DELETE FROM uploads`)
			loopstest.NoError(t, err)
			k := killedImport{Database: u.Pool.Config().ConnString(), Scratch: t.TempDir(), Org: u.Org, Person: u.Person}
			root := t.TempDir()
			if k.Folder = root; over == "bucket" {
				server := blobtest.Serve(t)
				o := server.Options
				k.Folder, k.Bucket, k.Endpoint, k.Credentials, root = "", o.Bucket, o.Endpoint, o.Credentials, server.Folder
			}
			place, err := k.place(t.Context())
			loopstest.NoError(t, err)
			for step, more := 1, true; more; step++ {
				k.ID = blobtest.NewID()
				more = k.killedAt(t, step)
				k.cleanUp(t, u, place, step)
				k.wantOnlyNamed(t, u, root, fmt.Sprintf("killed at step %d (%t)", step, more))
				if step < 12 && !more {
					t.Errorf("it ended with step %d", step)
				}
			}
		})
	}
}

// cleanUp is what other processes do in time: a worker goes on, and sweeps look at everything as if it were old.
func (k killedImport) cleanUp(t *testing.T, u *loopstest.Uploaded, place blob.Place, step int) {
	t.Helper()
	left, err := os.ReadDir(k.Scratch)
	loopstest.NoError(t, err)
	for _, f := range left {
		long := time.Now().Add(-time.Hour)
		loopstest.NoError(t, os.Chtimes(filepath.Join(k.Scratch, f.Name()), long, long))
	}
	log, soon := slog.New(slog.DiscardHandler), time.Now().Add(time.Hour)
	scratch := image.Verifier{Scratch: k.Scratch}
	keeper := loops.UploadKeeper{Models: u.Job.Models, Blobs: place, Log: log, SweepScratch: scratch.SweepScratch}
	loopstest.NoError(t, keeper.Discard(t.Context(), soon))
	if left := files(t, k.Scratch); len(left) > 0 {
		t.Errorf("killed at step %d, the sweep leaves %v in the scratch folder", step, left)
	}
	loopstest.NoError(t, k.verify(t.Context(), u.DB, place))
	loopstest.NoError(t, (&loops.BlobKeeper{Models: u.Job.Models, Blobs: place, Log: log}).Sweep(t.Context(), soon))
	if up, err := u.DB.Models.UploadForWorker(t.Context(), k.ID); err == nil && up.State != "done" {
		t.Errorf("killed at step %d, the upload stays %s: %s", step, up.State, up.Reason)
	}
}

func (k killedImport) wantOnlyNamed(t *testing.T, u *loopstest.Uploaded, root, when string) {
	t.Helper()
	named, err := u.DB.Models.NamedDigests(t.Context(), "", "")
	loopstest.NoError(t, err)
	want := []string{}
	for _, n := range named {
		want = append(want, filepath.Join("images", n.Digest+".qcow2"))
	}
	got := slices.DeleteFunc(files(t, root), func(file string) bool { return file == blob.Mark })
	if !slices.Equal(got, want) {
		t.Errorf("%s, in the store are\n%v, named are\n%v", when, got, want)
	}
	if left := files(t, k.Scratch); len(left) > 0 {
		t.Errorf("%s, in the scratch folder are %v", when, left)
	}
}

// files are those below a folder, by their paths from there.
func files(t *testing.T, root string) (list []string) {
	t.Helper()
	list = []string{}
	loopstest.NoError(t, filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			below, _ := filepath.Rel(root, path)
			list = append(list, below)
		}
		return err
	}))
	return list
}
