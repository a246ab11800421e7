package blob_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

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
		if !e.IsDir() {
			files = append(files, path)
		}
		return nil
	})
	if len(files) != 0 {
		t.Errorf("left behind: %v", files)
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
