package image

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"testing"

	"volary.dev/provisioner"
	"volary.dev/provisioner/waittest"
)

// A file of several blocks is unpacked by several threads within the walls, and one of one block by as many as xz takes: one.
func TestBlocksAreUnpackedAtOnce(t *testing.T) {
	dir := t.TempDir()
	disk := append(readFile(t, bootable(t, dir)), incompressible(4<<20)...)
	for name, c := range map[string]struct {
		args  []string
		least int
	}{"several": {[]string{"-T2", "--block-size=1MiB"}, 4}, "one": {nil, 1}} {
		t.Run(name, func(t *testing.T) {
			path := writeFile(t, filepath.Join(dir, name+".xz"), packWith(t, "xz", disk, c.args...))
			program, err := findProgram("xz", ErrNoXZ)
			if err != nil {
				t.Fatal(err)
			}
			ours, theirs, err := os.Pipe()
			if err != nil {
				t.Fatal(err)
			}
			defer ours.Close()
			work := confined{Program: program, Args: append(xzArgs(4), "--", path), Read: path, CPUSeconds: 60, stdout: theirs}
			p, err := work.start(t.Context())
			theirs.Close()
			if err != nil {
				t.Fatal(err)
			}
			first := make([]byte, 1)
			if _, err := ours.Read(first); err != nil {
				t.Fatal(err, p.stderr)
			}
			// Its output is full: all its threads are there and wait.
			waittest.Until(t, fmt.Sprintf("%d threads unpack", c.least), func() bool {
				threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", p.cmd.Process.Pid))
				return err == nil && len(threads) >= c.least && (c.least > 1 || len(threads) == 1)
			})
			rest, err := io.ReadAll(ours)
			if err := p.wait(); err != nil {
				t.Error(err, p.stderr)
			}
			if got := append(first, rest...); err != nil || string(got) != string(disk) {
				t.Errorf("%d bytes of %d came out, %v", len(got), len(disk), err)
			}
		})
	}
}

// Blocks that are too large for the memory that several threads may have are no reason to refuse a disk.
func TestLargeBlocksAreUnpackedByOne(t *testing.T) {
	dir := t.TempDir()
	disk := make([]byte, unwrapMemory+30<<20)
	copy(disk, readFile(t, bootable(t, dir)))
	path := writeFile(t, filepath.Join(dir, "disk.xz"), packWith(t, "xz", disk, "-T2", "--block-size=136MiB"))
	r, err := verify(t, path)
	if err != nil || r.State != provisioner.UploadDone || r.Images[0].GuestDigest != byTheBook(disk) {
		t.Errorf("%s %s, %v", r.State, r.Reason, err)
	}
}

// There are never more threads than is written, whatever machine it is.
func TestXZThreadsAreBounded(t *testing.T) {
	for processors, want := range map[int]string{1: "--threads=1", 4: "--threads=4", 256: "--threads=8"} {
		if args := xzArgs(processors); args[4] != want {
			t.Errorf("%d processors: %v", processors, args)
		}
	}
}

// What is hashed on its way is what is hashed of the file that it becomes, wherever its last piece ends.
func TestGuestStreamIsTheDigestOfTheDisk(t *testing.T) {
	disk := append(make([]byte, 3<<20), incompressible(5<<20)...)
	copy(disk[1<<20-3:], "across a border")
	for _, size := range []int{0, 512, guestPiece, guestPiece + guestBlock + 512, len(disk) - 512, len(disk)} {
		g := newGuestStream(io.Discard)
		buf := make([]byte, guestPiece)
		for at := 0; at < size; at += guestPiece {
			buf = g.take(int64(at), buf[:copy(buf, disk[at:size])])
		}
		if got, err := g.end(int64(size)); err != nil || got != byTheBook(disk[:size]) {
			t.Errorf("%d bytes: %s, want %s; %v", size, got, byTheBook(disk[:size]), err)
		}
	}
}
