package blob_test

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	tus "github.com/tus/tusd/v2/pkg/handler"

	"volary.dev/provisioner/waittest"
	"volary.dev/store/blob"
	"volary.dev/store/blob/blobtest"
)

const digest = blobtest.Digest

func open(t *testing.T) (*blob.Directory, string) {
	t.Helper()
	root := t.TempDir()
	d, err := blob.OpenDirectory(root)
	if err != nil {
		t.Fatal(err)
	}
	return d, root
}

func TestDirectory(t *testing.T) {
	blobtest.Exercise(t, func(t *testing.T) (blob.Place, string) { return open(t) })
}

func TestDirectoryOfMany(t *testing.T) {
	d, root := open(t)
	blobtest.Pages(t, d, root)
}

func TestBrokenPutLeavesNoFile(t *testing.T) {
	d, root := open(t)
	key, err := blob.ImageKey(digest)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := d.Put(t.Context(), key, iotest.ErrReader(errors.New("cut"))); err == nil {
		t.Error("a broken reader was kept")
	}
	var files []string
	_ = filepath.WalkDir(root, func(path string, e os.DirEntry, _ error) error {
		if !e.IsDir() && e.Name() != blob.Mark {
			files = append(files, path)
		}
		return nil
	})
	if len(files) != 0 {
		t.Errorf("left behind: %v", files)
	}
}

// What is said to be whole is on the disk, and so is its name.
func TestFinishedUploadsAreOnTheDisk(t *testing.T) {
	d, root := open(t)
	id := blobtest.NewID()
	u, err := d.Uploads().Tus().NewUpload(t.Context(), tus.FileInfo{ID: id, Size: 4})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := u.WriteChunk(t.Context(), 0, strings.NewReader("test")); err != nil {
		t.Fatal(err)
	}
	var synced []string
	d.SyncBy(func(path string) { synced = append(synced, path) })
	if err := u.FinishUpload(t.Context()); err != nil {
		t.Fatal(err)
	}
	if want := []string{filepath.Join(root, "uploads", id), filepath.Join(root, "uploads")}; !slices.Equal(synced, want) {
		t.Errorf("on the disk are %v, want %v", synced, want)
	}
}

// A folder that is not there, as one that is not mounted any more, is no folder that has lost its blobs.
func TestAFolderThatIsNotThereIsAway(t *testing.T) {
	d, root := open(t)
	for _, part := range []string{"images", "uploads"} {
		if err := os.Rename(filepath.Join(root, part), filepath.Join(root, part+".away")); err != nil {
			t.Fatal(err)
		}
	}
	key, err := blob.ImageKey(digest)
	if err != nil {
		t.Fatal(err)
	}
	_, _, opened := d.Open(t.Context(), key)
	_, _, local := d.Local(t.Context(), blob.UploadKey(digest[:32]))
	_, progress := d.Uploads().Progress(t.Context(), digest[:32])
	_, sums := d.Uploads().Sums(t.Context(), digest[:32])
	_, _, listed := d.List(t.Context(), "images", "")
	for what, err := range map[string]error{"Open": opened, "Local": local, "Progress": progress, "Sums": sums, "List": listed} {
		if !errors.Is(err, blob.ErrAway) || errors.Is(err, blob.ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// What is no store yet is not made one by the question, and neither by the folders of a start at which it was not mounted.
func TestKeptMakesNoFolder(t *testing.T) {
	root := filepath.Join(t.TempDir(), "store")
	d, err := blob.NewDirectory(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, folder := range []string{"", "images", "uploads"} {
		if folder != "" {
			if err := os.MkdirAll(filepath.Join(root, folder), 0o750); err != nil {
				t.Fatal(err)
			}
		}
		if was, err := d.Kept(t.Context()); was || err != nil {
			t.Errorf("an empty folder is a store: %v, %v", was, err)
		}
		if _, err := os.Stat(filepath.Join(root, "partial")); err == nil {
			t.Error("something is made in it")
		}
	}
}

func TestDiscardPartial(t *testing.T) {
	d, root := open(t)
	left := filepath.Join(root, "partial", "put-1")
	if err := os.WriteFile(left, []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.DiscardPartial(t.Context(), time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); err != nil {
		t.Errorf("a young file is gone: %v", err)
	}
	if err := d.DiscardPartial(t.Context(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("an old file is there still: %v", err)
	}
}

func TestKeysOfOthers(t *testing.T) {
	if _, err := blob.ImageKey("../../etc/passwd"); !errors.Is(err, blob.ErrKey) {
		t.Errorf("ImageKey: %v, want ErrKey", err)
	}
	for key, want := range map[string]string{
		"uploads/" + digest[:32]: digest[:32], "uploads/" + digest[:32] + ".p00001": digest[:32], "uploads/" + digest[:32] + ".sums": digest[:32],
		"images/" + digest + ".qcow2": "", "uploads/": "", "uploads/" + strings.Repeat("z", 32): "", "uploads/" + digest: "",
	} {
		if id, ok := blob.UploadOf(key); ok != (want != "") || ok && id != want {
			t.Errorf("UploadOf(%q) = %q, %v", key, id, ok)
		}
	}
	for key, want := range map[string]bool{"images/" + digest + ".qcow2": true, "images/" + digest: false, "images/x.qcow2": false, "uploads/" + digest + ".qcow2": false} {
		if got, ok := blob.ImageDigest(key); ok != want || ok && got != digest {
			t.Errorf("ImageDigest(%q) = %q, %v", key, got, ok)
		}
	}
}

// A process that was stopped in the middle of an append, and goes on after another one has the lock, brings the file's bytes to their own place: they are
// there once.
func TestLateWriterOfADirectory(t *testing.T) {
	const id = "0123456789abcdef0123456789abcdef"
	d, err := blob.OpenDirectory(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	store := d.Uploads().Tus()
	late, err := store.NewUpload(t.Context(), tus.FileInfo{ID: id, Size: 10})
	if err != nil {
		t.Fatal(err)
	}
	begun, goOn := make(chan struct{}), make(chan struct{})
	ended := make(chan error, 1)
	go func() {
		_, err := late.WriteChunk(t.Context(), 0, stopped{strings.NewReader("01234"), begun, goOn})
		ended <- err
	}()
	waittest.Receive(t, "the first one's bytes", begun)
	now, err := store.GetUpload(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := now.WriteChunk(t.Context(), 0, strings.NewReader("0123456")); n != 7 || err != nil {
		t.Fatalf("who has the lock: %d, %v", n, err)
	}
	close(goOn)
	if err, _ := waittest.Receive(t, "the end of who had it", ended); err != nil {
		t.Error(err)
	}
	r, err := d.Uploads().Range(t.Context(), id, 0, 7)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	p, err := d.Uploads().Progress(t.Context(), id)
	if got, read := io.ReadAll(r); err != nil || read != nil || string(got) != "0123456" || p.Received != 7 {
		t.Errorf("%q of %d bytes, %v", got, p.Received, errors.Join(err, read))
	}
}

// stopped has its bytes and does not give them on before it may.
type stopped struct {
	from        io.Reader
	begun, goOn chan struct{}
}

// Read implements io.Reader.
func (s stopped) Read(p []byte) (int, error) {
	n, err := s.from.Read(p)
	if n > 0 {
		close(s.begun)
		<-s.goOn
	}
	return n, err
}
