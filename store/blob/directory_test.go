package blob_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"volary.dev/store/blob"
)

const digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"

func open(t *testing.T) (*blob.Directory, string) {
	t.Helper()
	root := t.TempDir()
	d, err := blob.OpenDirectory(root)
	if err != nil {
		t.Fatal(err)
	}
	return d, root
}

func key(t *testing.T) string {
	t.Helper()
	k, err := blob.ImageKey(digest)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func TestDirectoryKeepsBlobs(t *testing.T) {
	d, _ := open(t)
	k := key(t)
	if n, err := d.Put(t.Context(), k, strings.NewReader("test")); n != 4 || err != nil {
		t.Fatalf("Put = %d, %v", n, err)
	}
	r, size, err := d.Open(t.Context(), k)
	if err != nil || size != 4 {
		t.Fatalf("Open = %d bytes, %v", size, err)
	}
	defer r.Close()
	if data, err := io.ReadAll(r); string(data) != "test" || err != nil {
		t.Errorf("read %q, %v", data, err)
	}
	path, release, err := d.Local(t.Context(), k)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	if data, _ := os.ReadFile(path); string(data) != "test" {
		t.Errorf("local file has %q", data)
	}
	for range 2 {
		if err := d.Delete(t.Context(), k); err != nil {
			t.Errorf("Delete: %v", err)
		}
	}
	if _, _, err := d.Open(t.Context(), k); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("Open after Delete: %v, want ErrNotFound", err)
	}
	if _, _, err := d.Local(t.Context(), k); !errors.Is(err, blob.ErrNotFound) {
		t.Errorf("Local after Delete: %v, want ErrNotFound", err)
	}
}

func TestDirectoryAdoptsFiles(t *testing.T) {
	d, _ := open(t)
	path := filepath.Join(t.TempDir(), "made")
	if err := os.WriteFile(path, []byte("test"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := d.Adopt(t.Context(), key(t), path); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the adopted file is still there: %v", err)
	}
	r, _, err := d.Open(t.Context(), key(t))
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if data, _ := io.ReadAll(r); !bytes.Equal(data, []byte("test")) {
		t.Errorf("read %q", data)
	}
}

func TestBrokenPutLeavesNothing(t *testing.T) {
	d, root := open(t)
	broken := errors.New("connection cut")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := d.Put(t.Context(), key(t), io.MultiReader(strings.NewReader("te"), iotest.ErrReader(broken))); !errors.Is(err, broken) {
		t.Errorf("Put of a broken reader: %v", err)
	}
	if _, err := d.Put(cancelled, key(t), strings.NewReader("test")); !errors.Is(err, context.Canceled) {
		t.Errorf("Put after the end of its context: %v", err)
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

func TestUploadKeysAreKeys(t *testing.T) {
	d, _ := open(t)
	for _, beside := range []string{"", blob.NoteSuffix, blob.SumsSuffix} {
		k := blob.UploadKey(digest[:32]) + beside
		if _, err := d.Put(t.Context(), k, strings.NewReader("x")); err != nil {
			t.Errorf("Put(%q): %v", k, err)
		}
	}
}

func TestKeysStayInside(t *testing.T) {
	d, _ := open(t)
	for _, k := range []string{"", "images/", "../" + digest, "images/../" + digest, "images/" + digest + "/x", "/images/" + digest, "images/..", "images/" + digest + ".qcow2\x00"} {
		if _, err := d.Put(t.Context(), k, strings.NewReader("x")); !errors.Is(err, blob.ErrKey) {
			t.Errorf("Put(%q): %v, want ErrKey", k, err)
		}
		if err := d.Delete(t.Context(), k); !errors.Is(err, blob.ErrKey) {
			t.Errorf("Delete(%q): %v, want ErrKey", k, err)
		}
	}
	if _, err := blob.ImageKey("../../etc/passwd"); !errors.Is(err, blob.ErrKey) {
		t.Errorf("ImageKey: %v, want ErrKey", err)
	}
}
