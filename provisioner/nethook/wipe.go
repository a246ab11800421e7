package nethook

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"syscall"

	"golang.org/x/sys/unix"
)

// wipeOperation is the operation by which the hook calls itself, so that a disk is overwritten behind it: libvirtd waits for
// its hook, and so would everyone else who asks.
const wipeOperation = "wipe"

// wiped says whether a disk is overwritten, and begins to where nobody does. It needs no memory of its own: a disk that is done
// has no bytes left, and who overwrites one holds its lock.
func (h hook) wiped(path string) (bool, error) {
	if err := diskOfNode(path); err != nil {
		return false, err
	}
	f, info, err := openRegular(path, os.O_RDWR)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	defer f.Close()
	if info.Size == 0 {
		return true, nil
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return false, nil // somebody overwrites it
	}
	return false, h.background(path, wipeOperation)
}

// startBackground runs this program again without waiting for it.
func startBackground(args ...string) error {
	cmd := exec.CommandContext(context.Background(), "/proc/self/exe", append([]string{"hook", "network"}, args...)...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd.Start()
}

// wipe overwrites what a disk has of its file system's blocks with zeros, in place and once, and then cuts it to nothing. Holes
// are left alone: they hold nothing, and a disk that does not fit must not be written in full for being deleted.
func wipe(path string) error {
	if err := diskOfNode(path); err != nil {
		return err
	}
	f, info, err := openRegular(path, os.O_RDWR)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		return nil // somebody else does
	}
	if err := overwrite(f, info.Size); err != nil {
		return fmt.Errorf("overwrite %s: %w", path, err)
	}
	if err := errors.Join(f.Sync(), f.Truncate(0), f.Sync()); err != nil {
		return fmt.Errorf("overwrite %s: %w", path, err)
	}
	return nil
}

func overwrite(f *os.File, size int64) error {
	zeros := make([]byte, 1<<20)
	for at := int64(0); at < size; {
		begin, err := unix.Seek(int(f.Fd()), at, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			return nil // nothing but a hole is left
		}
		if err != nil {
			return err
		}
		end, err := unix.Seek(int(f.Fd()), begin, unix.SEEK_HOLE)
		if err != nil {
			return err
		}
		w := io.NewOffsetWriter(f, begin)
		for left := end - begin; left > 0; left -= int64(len(zeros)) {
			if _, err := w.Write(zeros[:min(left, int64(len(zeros)))]); err != nil {
				return err
			}
		}
		at = end
	}
	return nil
}
