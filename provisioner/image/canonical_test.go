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

	"github.com/klauspost/compress/zstd"
)

// written writes the canonical form of a disk of which pieces are given by their places, all else being holes, and the raw disk beside it.
func written(t *testing.T, size int64, pieces map[int64][]byte, workers int) (qcow2, raw string) {
	t.Helper()
	dir := t.TempDir()
	qcow2, raw = filepath.Join(dir, "canonical.qcow2"), filepath.Join(dir, "disk.raw")
	disk, err := os.Create(raw)
	if err != nil {
		t.Fatal(err)
	}
	defer disk.Close()
	if err := disk.Truncate(size); err != nil {
		t.Fatal(err)
	}
	for at, data := range pieces {
		if _, err := disk.WriteAt(data, at); err != nil {
			t.Fatal(err)
		}
	}
	to, err := os.Create(qcow2)
	if err != nil {
		t.Fatal(err)
	}
	defer to.Close()
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() {
		err := writeCanonical(to, r, workers)
		r.CloseWithError(err)
		done <- err
	}()
	g := newGuestStream(w)
	if err := g.readGuest(t.Context(), disk, size, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := g.end(size); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return qcow2, raw
}

func sumOf(t *testing.T, path string) string {
	t.Helper()
	sum := sha256.Sum256(readFile(t, path))
	return hex.EncodeToString(sum[:])
}

// What QEMU reads of the canonical form is the disk, whatever lies where; qemu-img finds every reference sound and our own reader as well; and
// it is the same each time.
func TestCanonicalFormIsTheDisk(t *testing.T) {
	words := bytes.Repeat([]byte("what a guest has written. "), 200_000)
	noise := incompressible(5 << 20)
	mixed := map[int64][]byte{0: words, 6 << 20: noise, 12<<20 - 70_000: words[:140_001], 13<<20 + 5*4096: noise[:4096], 15 << 20: words[:65536]}
	for n := range int64(64) { // packed and plain in turns
		mixed[20<<20+n*canonicalCluster] = [][]byte{noise[n<<10 : n<<10+canonicalCluster], words[:100], noise[:5000]}[n%3]
	}
	for name, c := range map[string]struct {
		size   int64
		pieces map[int64][]byte
	}{
		"nothing":                  {1 << 20, nil},
		"one sector":               {512, map[int64][]byte{0: noise[:512]}},
		"no whole cluster":         {3<<20 + 512, map[int64][]byte{1<<20 - 7: words[:100], 3 << 20: noise[:512]}},
		"all noise":                {int64(len(noise)), map[int64][]byte{0: noise}},
		"all words":                {4 << 20, map[int64][]byte{0: words[:4<<20]}},
		"all mixed":                {30<<20 + 1536, mixed},
		"a byte at the end":        {1<<30 + 512, map[int64][]byte{1<<30 + 511: {1}}},
		"the last byte of a table": {2 << 30, map[int64][]byte{canonicalCovers - 1: {1}, 3*canonicalCovers - 1: {2}}},
		"a terabyte of holes":      {1 << 40, map[int64][]byte{0: words[:70_000], 1<<39 + 4096: noise[:4097], 1<<40 - 1: {1}}},
		"the largest disk":         {16<<40 - 4096, map[int64][]byte{0: {1}, 16<<40 - 4097: {1}}},
	} {
		t.Run(name, func(t *testing.T) {
			path, raw := written(t, c.size, c.pieces, 2)
			again, _ := written(t, c.size, c.pieces, 1)
			if a, b := sumOf(t, path), sumOf(t, again); a != b {
				t.Errorf("%s, and again %s", a, b)
			}
			qemuImg(t, "check", "-f", "qcow2", path)
			qemuImg(t, "compare", "-f", "raw", "-F", "qcow2", raw, path)
			file, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			info, err := file.Stat()
			if err != nil {
				t.Fatal(err)
			}
			i := inspection{file: boundedReader{r: file, size: whole(info.Size())}, limits: Limits{MaxVirtual: c.size}}
			i.qcow2()
			for _, check := range i.Checks {
				if !check.Passed && check.Name != "compression" && check.Name != "disk size" {
					t.Error(check)
				}
			}
			if i.file.err != nil || i.VirtualSize != c.size && c.size >= minDisk {
				t.Errorf("a disk of %d bytes, not %d; %v", i.VirtualSize, c.size, i.file.err)
			}
		})
	}
}

// canonicalByTheBook is the canonical form, as doc.go describes it, of a disk of at most 512 MiB whose clusters at these places are noise.
func canonicalByTheBook(size uint64, noise []byte, places ...int) []byte {
	const cluster = 64 << 10
	be := binary.BigEndian
	n := uint64(len(places))
	l2, l1, table := 1+n, 2+n, 3+n
	file := make([]byte, (5+n)*cluster)
	copy(file, "QFI\xfb")
	be.PutUint32(file[4:], 3)
	be.PutUint32(file[20:], 16)
	be.PutUint64(file[24:], size)
	be.PutUint32(file[36:], 1)
	be.PutUint64(file[40:], l1*cluster)
	be.PutUint64(file[48:], table*cluster)
	be.PutUint32(file[56:], 1)
	be.PutUint64(file[72:], 8)
	be.PutUint32(file[96:], 4)
	be.PutUint32(file[100:], 112)
	file[104] = 1
	for k, place := range places {
		at := uint64(k+1) * cluster
		copy(file[at:], noise[k*cluster:(k+1)*cluster])
		be.PutUint64(file[l2*cluster+uint64(place)*8:], 1<<63|at)
	}
	be.PutUint64(file[l1*cluster:], 1<<63|l2*cluster)
	be.PutUint64(file[table*cluster:], (table+1)*cluster)
	for k := range 5 + n {
		be.PutUint16(file[(table+1)*cluster+2*k:], 1)
	}
	return file
}

// The canonical form lies byte by byte as doc.go says, and compressed clusters with it.
func TestCanonicalFormByTheBook(t *testing.T) {
	noise := incompressible(2 * canonicalCluster)
	path, _ := written(t, 4<<20+512, map[int64][]byte{2 * canonicalCluster: noise[:canonicalCluster], 63 * canonicalCluster: noise[canonicalCluster:]}, 2)
	if got := readFile(t, path); !bytes.Equal(got, canonicalByTheBook(4<<20+512, noise, 2, 63)) {
		t.Errorf("%d bytes are others than the book's", len(got))
	}
	// Compressed, one is right behind the other.
	path, _ = written(t, 4<<20, map[int64][]byte{5 * canonicalCluster: []byte("one"), 40 * canonicalCluster: []byte("another")}, 2)
	file := readFile(t, path)
	table := func(at uint64, n int) uint64 { return binary.BigEndian.Uint64(file[at+uint64(n)*8:]) }
	l2 := table(binary.BigEndian.Uint64(file[40:]), 0) &^ (1 << 63)
	second := table(l2, 40) &^ (1 << 62)
	if entry := table(l2, 5); entry != 1<<62|canonicalCluster || second <= canonicalCluster || second > canonicalCluster+100 {
		t.Fatalf("the first is named %x, the second %x", entry, second)
	}
	z, err := zstd.NewReader(nil)
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	one, err := z.DecodeAll(file[canonicalCluster:second], nil)
	if err != nil || len(one) != canonicalCluster || !bytes.HasPrefix(one, []byte("one\x00")) {
		t.Errorf("%d bytes of the first, %v", len(one), err)
	}
	// Behind the last there are zeros, which are no frame.
	if another, _ := z.DecodeAll(file[second:l2], nil); len(another) != canonicalCluster || !bytes.HasPrefix(another, []byte("another\x00")) {
		t.Errorf("%d bytes of the second", len(another))
	}
	counts := table(binary.BigEndian.Uint64(file[48:]), 0)
	if got := [6]byte(file[counts : counts+6]); got != [6]byte{0, 1, 0, 2, 0, 1} {
		t.Errorf("the header, two clusters in one, and a table are named %v times", got)
	}
}

// What the writer is given that is no disk is no disk's end, and no reason to wait.
func TestWriteCanonicalOfABrokenStream(t *testing.T) {
	head := func(at, size uint64) []byte {
		return binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, at), size)
	}
	block := make([]byte, guestBlock)
	for name, stream := range map[string][]byte{
		"nothing":                nil,
		"half a head":            head(0, guestBlock)[:9],
		"a cut run":              append(head(0, guestBlock), block[:100]...),
		"no end":                 append(head(0, guestBlock), block...),
		"backwards":              slicesOf(head(1<<20, guestBlock), block, head(0, guestBlock), block, head(2<<20, 0)),
		"across a piece":         append(head(guestPiece-guestBlock, 2*guestBlock), make([]byte, 2*guestBlock)...),
		"behind the end":         slicesOf(head(1<<40, guestBlock), block, head(1<<40, 0)),
		"behind what is counted": slicesOf(head(1<<62, guestBlock), block, head(1<<62+1<<20, 0)),
	} {
		to, err := os.Create(filepath.Join(t.TempDir(), "canonical"))
		if err != nil {
			t.Fatal(err)
		}
		if err := writeCanonical(to, bytes.NewReader(stream), 2); err == nil {
			t.Errorf("%s: taken", name)
		}
		to.Close()
	}
}
