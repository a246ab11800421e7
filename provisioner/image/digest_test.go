package image

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// byTheBook is the guest-visible digest as doc.go describes it, without a thought of speed.
func byTheBook(disk []byte) string {
	var text []byte
	for at := 0; at < len(disk); {
		end := min(at-at%(1<<20)+1<<20, len(disk)) // of the piece
		if bytes.Count(disk[at:min(at+4096, end)], []byte{0}) == min(at+4096, end)-at {
			at = min(at+4096, end)
			continue
		}
		to := at
		for to < end && bytes.Count(disk[to:min(to+4096, end)], []byte{0}) != min(to+4096, end)-to {
			to = min(to+4096, end)
		}
		text = binary.BigEndian.AppendUint64(text, uint64(at))    //nolint:gosec // a place
		text = binary.BigEndian.AppendUint64(text, uint64(to-at)) //nolint:gosec // a length
		text = append(text, disk[at:to]...)
		at = to
	}
	text = binary.BigEndian.AppendUint64(text, uint64(len(disk)))
	text = binary.BigEndian.AppendUint64(text, 0)
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:])
}

func filled(size int, at ...int) []byte {
	disk := make([]byte, size)
	for _, n := range at {
		disk[n] = 'x'
	}
	return disk
}

type guestVector struct {
	name   string
	disk   []byte
	digest string
}

// guestVectors are those of doc.go. They are no variable: this program is every child of these tests, and would make them each time.
func guestVectors() []guestVector {
	return []guestVector{
		{"1 MiB of zeros", filled(1 << 20), "babe6c808271fe64a7dfbbbace8ad2af8d06bc89875c721edee6af2831802c4a"},
		{"2 MiB, x at byte 0", filled(2<<20, 0), "50c90d33cefb35079a9e64ab422a1fda66870e5b3d34235e0732596fd39c3b60"},
		{"2 MiB, x at bytes 4095 and 4096", filled(2<<20, 4095, 4096), "321b153e1ed44b429bd2348f22e608b55fe52c407feef770f14e540a89534ea2"},
		{"2 MiB, x at bytes 1048575 and 1048576", filled(2<<20, 1<<20-1, 1<<20), "6b2662693fdbcedaad4917c0d9feaecc6da933d377a3c9cdeb5a70926617e1ec"},
		{"1048576 and 512 bytes, x at the last", filled(1<<20+512, 1<<20+511), "21f263e06df22a0a75402fdbd4b2e2a84a29b851b8139d1d0752760bc1eceaae"},
	}
}

func TestGuestDigest(t *testing.T) {
	disks := [][]byte{filled(5<<20+1536, 0, 70000, 1<<20+5, 3<<20-1, 3<<20, 5<<20+1535)}
	copy(disks[0][2<<20:], bytes.Repeat([]byte("data"), 5000))
	for _, v := range guestVectors() {
		disks = append(disks, v.disk)
		if want := byTheBook(v.disk); want != v.digest {
			t.Errorf("%s: the table says %s, the book %s", v.name, v.digest, want)
		}
	}
	for n, disk := range disks {
		for _, holes := range []bool{false, true} {
			if got := guestDigestOf(t, disk, holes); got != byTheBook(disk) {
				t.Errorf("%d, with holes %t: %s, want %s", n, holes, got, byTheBook(disk))
			}
		}
	}
}

// guestDigestOf writes a disk with holes or with its zeros.
func guestDigestOf(t *testing.T, disk []byte, holes bool) string {
	t.Helper()
	f, err := os.Create(filepath.Join(t.TempDir(), "disk"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if holes {
		out := sparse{file: f, most: 1 << 30, mostWritten: 1 << 30, reserve: func(int64) error { return nil }}
		err = out.take(bytes.NewReader(disk))
	} else {
		_, err = f.Write(disk)
	}
	if err != nil {
		t.Fatal(err)
	}
	return guestDigest(t, f, int64(len(disk)))
}

// guestDigest is that of a raw file.
func guestDigest(t *testing.T, f *os.File, size int64) string {
	t.Helper()
	g := newGuestStream(io.Discard)
	if err := g.readGuest(t.Context(), f, size, nil); err != nil {
		t.Fatal(err, g.abandon())
	}
	got, err := g.end(size)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// A terabyte of holes is not read: the test would not end.
func TestGuestDigestOfATerabyteOfHoles(t *testing.T) {
	f, err := os.Create(filepath.Join(t.TempDir(), "disk"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if err := f.Truncate(1 << 40); err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("x"), 1<<39); err != nil {
		t.Fatal(err)
	}
	if got := guestDigest(t, f, 1<<40); len(got) != 64 {
		t.Error(got)
	}
}
