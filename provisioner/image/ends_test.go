package image

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"volary.dev/provisioner"
)

// A file is taken out of an archive no longer than anybody waits for it.
func TestExtractEndsWithItsContext(t *testing.T) {
	path := writeFile(t, filepath.Join(t.TempDir(), "disk"), nil)
	if err := os.Truncate(path, 64<<20); err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	ctx, cancel := context.WithCancel(t.Context())
	w := &verification{v: &Verifier{Scratch: t.TempDir()}, ctx: ctx, file: file, progress: Progress{Step: func(provisioner.UploadProgress) { cancel() }}}
	if err := w.openScratch(); err != nil {
		t.Fatal(err)
	}
	defer w.result.Discard()
	if _, err := (&disk{verification: w}).extract(ovaMember{"disk", 0, 64 << 20}); !errors.Is(err, context.Canceled) {
		t.Errorf("after the end of the context: %v", err)
	}
}

// What lacks room is tried again every minute, and is not hashed each time to its end.
func TestLackOfRoomWaitsForNoHash(t *testing.T) {
	path := bootable(t, t.TempDir())
	if err := os.Truncate(path, 1<<40); err != nil { // hashing that takes half an hour
		t.Fatal(err)
	}
	v := Verifier{Scratch: t.TempDir()}
	v.SpaceBy(func(string) (free, total int64, err error) { return 0, 1 << 50, nil })
	var full *NoRoomError
	if _, err := v.Verify(t.Context(), path, Limits{MaxFile: 1 << 40, MaxVirtual: 1 << 40, Digest: strings.Repeat("0f", 32)}, Progress{}); !errors.As(err, &full) {
		t.Errorf("without room: %v", err)
	}
}

// What a machine lacks is its operator's to know. Who brought the file learns that it is nothing of theirs.
func TestLackingKeepsTheMachinesWords(t *testing.T) {
	said := lacking(fmt.Errorf("%w: mount: operation not permitted. To grant it: set kernel.x to 1", ErrNoSandbox))
	if !strings.Contains(said, "the operator must") || strings.Contains(said, "kernel.x") || strings.Contains(said, "mount") {
		t.Error(said)
	}
}

// A machine that has nothing left at this moment does not lack a sandbox: what failed is tried again.
func TestWantIsNoLackOfASandbox(t *testing.T) {
	var was unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &was); err != nil {
		t.Fatal(err)
	}
	if err := unix.Setrlimit(unix.RLIMIT_NOFILE, &unix.Rlimit{Cur: 1, Max: was.Max}); err != nil {
		t.Fatal(err)
	}
	err := CheckSandbox()
	if restored := unix.Setrlimit(unix.RLIMIT_NOFILE, &was); restored != nil {
		t.Fatal(restored)
	}
	if !errors.Is(err, unix.EMFILE) || errors.Is(err, ErrNoSandbox) {
		t.Errorf("without descriptors: %v", err)
	}
}

// What is looked at behind a conversion brings the worker down as little as the upload itself.
func TestGuardRefusesWhatBreaksOff(t *testing.T) {
	i := inspection{file: boundedReader{r: bytes.NewReader(nil), size: 512}}
	i.guard(func() { i.table(nil) })
	if failed := i.Failed(); failed == nil || failed.Name != "inspection" || failed.Repair == "" {
		t.Errorf("%+v", failed)
	}
}

// A limit says nothing of a file's being damaged, and nothing is refused without what to do.
func TestFaultOfALimit(t *testing.T) {
	const limit = "It took more than 1380 seconds of processor time."
	for format, o := range map[string]outcome{"xz": {status: -1, limit: limit}, "gzip": {status: -1, limit: limit, fault: &fileFault{Detail: limit}}} {
		if f := faultOf(format, o, 0, ""); f == nil || !strings.Contains(f.Detail, limit) || strings.Contains(f.Detail, "damaged") || f.Repair == "" {
			t.Errorf("%s: %+v", format, f)
		}
	}
}
