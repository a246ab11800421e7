package blob_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	tus "github.com/tus/tusd/v2/pkg/handler"

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
	blobtest.Exercise(t, func(t *testing.T) blob.Place { d, _ := open(t); return d })
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

// The folder on which a store is to be mounted has no mark, though it may have parts of an earlier start: nothing is said of what is in the
// store, and nothing is written.
func TestAFolderWithoutItsMarkIsAway(t *testing.T) {
	d, root := open(t)
	if err := os.Remove(filepath.Join(root, blob.Mark)); err != nil {
		t.Fatal(err)
	}
	key, err := blob.ImageKey(digest)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("test"), 0o600); err != nil {
		t.Fatal(err)
	}
	id := digest[:32]
	uploads := d.Uploads()
	_, put := d.Put(t.Context(), key, strings.NewReader("test"))
	_, _, opened := d.Open(t.Context(), key)
	_, _, local := d.Local(t.Context(), key)
	_, _, listed := d.List(t.Context(), "images", "")
	_, progress := uploads.Progress(t.Context(), id)
	_, sums := uploads.Sums(t.Context(), id)
	_, room := uploads.Room(t.Context())
	_, begun := uploads.Tus().NewUpload(t.Context(), tus.FileInfo{ID: id, Size: 4})
	_, gone := uploads.Tus().GetUpload(t.Context(), id)
	for what, err := range map[string]error{
		"Put": put, "Adopt": d.Adopt(t.Context(), key, file), "Open": opened, "Local": local, "Delete": d.Delete(t.Context(), key), "List": listed,
		"Progress": progress, "Sums": sums, "Room": room, "NewUpload": begun, "GetUpload": gone, "Discard": uploads.Discard(t.Context(), id),
	} {
		if !errors.Is(err, blob.ErrAway) || errors.Is(err, blob.ErrNotFound) || errors.Is(err, tus.ErrNotFound) {
			t.Errorf("%s: %v", what, err)
		}
	}
	for _, part := range []string{"images", "uploads", "partial"} {
		if left, err := os.ReadDir(filepath.Join(root, part)); err != nil || len(left) != 0 {
			t.Errorf("%s has %d files: %v", part, len(left), err)
		}
	}
}

// A folder of before there were marks gets its own, where anything was kept in it.
func TestOpenKept(t *testing.T) {
	root := filepath.Join(t.TempDir(), "store")
	for _, folder := range []string{"", "images", "uploads"} { // none, and those of a start at which it was not mounted
		if folder != "" {
			if err := os.MkdirAll(filepath.Join(root, folder), 0o750); err != nil {
				t.Fatal(err)
			}
		}
		if _, err := blob.OpenKept(root); !errors.Is(err, blob.ErrAway) {
			t.Errorf("an empty folder is a store: %v", err)
		}
	}
	if err := os.WriteFile(filepath.Join(root, "uploads", digest[:32]), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := blob.OpenKept(root); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(root, "uploads", digest[:32])); err != nil {
		t.Fatal(err)
	}
	if _, err := blob.OpenKept(root); err != nil {
		t.Errorf("with its mark alone: %v", err)
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
