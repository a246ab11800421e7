package image

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"testing"
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
