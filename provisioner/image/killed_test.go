package image

import (
	"bytes"
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"volary.dev/provisioner/waittest"
)

// verifyMarker makes the test's program verify a file in a scratch folder, as a worker does that is then killed.
const verifyMarker = "VOLARY_IMAGE_TEST_VERIFY"

func verifyAsked() bool {
	path := os.Getenv(verifyMarker)
	if path == "" {
		return false
	}
	v := Verifier{Scratch: filepath.Join(filepath.Dir(path), "scratch")}
	_, _ = v.Verify(context.Background(), path, DefaultLimits(), Progress{})
	return true
}

// A worker that is killed in the middle of unpacking leaves a folder that the next one's sweep removes, and no child.
func TestKilledInTheMiddleLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	start := make([]byte, 64<<20)
	copy(start, grubCode)
	start[510], start[511] = 0x55, 0xaa
	file := slicesOf(packWith(t, "gzip", start), bytes.Repeat(packWith(t, "gzip", make([]byte, 64<<20)), 500))
	path, scratch := writeFile(t, filepath.Join(dir, "disk.gz"), file), filepath.Join(dir, "scratch")
	if err := os.Mkdir(scratch, 0o700); err != nil {
		t.Fatal(err)
	}
	worker := exec.Command(os.Args[0]) //nolint:gosec // this very program
	worker.Env = append(os.Environ(), verifyMarker+"="+path)
	if err := worker.Start(); err != nil {
		t.Fatal(err)
	}
	waittest.Until(t, "the unpacking to begin", func() bool {
		written, _ := filepath.Glob(filepath.Join(scratch, "image-*", "unwrapped"))
		if len(written) == 0 {
			return false
		}
		info, err := os.Stat(written[0])
		return err == nil && info.Size() > 0
	})
	if err := worker.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = worker.Wait()
	if left, _ := os.ReadDir(scratch); len(left) != 1 {
		t.Fatalf("%d folders are left: it was not killed in the middle", len(left))
	}
	sweepScratch(scratch, time.Now().Add(time.Hour))
	if left, _ := os.ReadDir(scratch); len(left) != 0 {
		t.Errorf("%d folders are left after the sweep", len(left))
	}
}

// A full disk is the machine's fault, and told as that.
func TestSparseOnAFullDisk(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer full.Close()
	out := sparse{file: full, most: 1 << 30, mostWritten: 1 << 30, reserve: func(int64) error { return nil }}
	if err := out.take(bytes.NewReader([]byte("data"))); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("%v", err)
	}
}
