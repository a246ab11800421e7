package image

import (
	"bytes"
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"volary.dev/provisioner"
)

// made is a qcow2 of clusters of 64 KiB that is made by hand: header, reference count table, reference counts, first-level
// table, then second-level tables, then data.
type made struct {
	first []uint64   // entries of the first level; nil takes one for each table
	l2    [][]uint64 // entries of each second-level table
	data  int        // clusters of data
}

const (
	madeCluster = 1 << 16
	madeCopied  = 1 << 63
	madeFirst   = 4 // the first cluster behind the first-level table
)

// table is where the n-th second-level table lies.
func (m made) table(n int) uint64 { return uint64(madeFirst+n) * madeCluster }

// at is where the n-th cluster of data lies.
func (m made) at(n int) uint64 { return m.table(len(m.l2)) + uint64(n)*madeCluster }

// packed is an entry for compressed data.
func packedEntry(at, sectors uint64) uint64 { return l2Compressed | (sectors-1)<<(62-8) | at }

func (m made) file() []byte {
	b := make([]byte, int(m.at(m.data)))
	be := binary.BigEndian
	first := m.first
	for n := 0; m.first == nil && n < len(m.l2); n++ {
		first = append(first, madeCopied|m.table(n))
	}
	copy(b, qcow2Magic)
	be.PutUint32(b[4:], 3)
	be.PutUint32(b[20:], 16)
	be.PutUint64(b[24:], uint64(len(first))*madeCluster/8*madeCluster)
	be.PutUint32(b[36:], uint32(len(first)))
	be.PutUint64(b[40:], 3*madeCluster)
	be.PutUint64(b[48:], madeCluster)
	be.PutUint32(b[56:], 1)
	be.PutUint32(b[96:], 6) // 64 bits, enough to count a cluster a million times
	be.PutUint32(b[100:], 112)
	be.PutUint64(b[madeCluster:], 2*madeCluster)
	for n, entry := range first {
		be.PutUint64(b[3*madeCluster+8*n:], entry)
	}
	for n, table := range m.l2 {
		for k, entry := range table {
			be.PutUint64(b[m.table(n)+8*uint64(k):], entry)
		}
	}
	return b
}

// fill is a table all of whose entries are the same.
func fill(entry uint64) []uint64 {
	table := make([]uint64, madeCluster/8)
	for n := range table {
		table[n] = entry
	}
	return table
}

// bomb has 384 KiB: one cluster of data, one table that names it 8192 times, and 4096 entries that name the table.
func bomb() made {
	m := made{l2: [][]uint64{nil}, data: 1}
	m.l2[0] = fill(madeCopied | m.at(0))
	for range 4096 {
		m.first = append(m.first, madeCopied|m.table(0))
	}
	return m
}

func TestInspectRefusesWhatIsNamedTwice(t *testing.T) {
	limits := Limits{MaxFile: 1 << 30, MaxVirtual: 4 << 40}
	one := made{l2: [][]uint64{{}}, data: 1}
	half := made{l2: [][]uint64{{}, {}}, data: 1}
	for name, c := range map[string]struct {
		from  made
		check string
		words string
	}{
		"a table named 4096 times":     {bomb(), "tables", "Entry 1 of second-level table 0 names the cluster at byte 327680"},
		"one cluster 8192 times":       {made{l2: [][]uint64{fill(madeCopied | one.at(0))}, data: 1}, "tables", "Entry 1 of second-level table 0 names the cluster at byte 327680"},
		"one cluster in two tables":    {made{l2: [][]uint64{{half.at(0)}, {half.at(0)}}, data: 1}, "tables", "Entry 0 of second-level table 1"},
		"compressed 8192 times":        {made{l2: [][]uint64{fill(packedEntry(one.at(0), 1))}, data: 1}, "compression", "512 MiB, 1365.3 times the file's 384 KiB"},
		"a table as data":              {made{l2: [][]uint64{{one.table(0)}}, data: 1}, "tables", "as data"},
		"the header as data":           {made{l2: [][]uint64{{madeCopied | 512}}, data: 1}, "tables", "names byte 512"},
		"the first level as data":      {made{l2: [][]uint64{{3 * madeCluster}}, data: 1}, "tables", "as data"},
		"reference counts as data":     {made{l2: [][]uint64{{2 * madeCluster}}, data: 1}, "tables", "as data"},
		"reference counts as a table":  {made{first: []uint64{2 * madeCluster}, l2: [][]uint64{{}}}, "tables", "Entry 0 of the first-level table"},
		"data behind the file":         {made{l2: [][]uint64{{1 << 40}}, data: 1}, "tables", "names byte 1099511627776"},
		"data at a half cluster":       {made{l2: [][]uint64{{one.at(0) + 512}}, data: 1}, "tables", "clusters of 65536"},
		"compressed behind the file":   {made{l2: [][]uint64{{packedEntry(one.at(1), 1)}}, data: 1}, "tables", "compressed"},
		"compressed leaves the file":   {made{l2: [][]uint64{{packedEntry(one.at(0), 256)}}, data: 1}, "tables", "compressed"},
		"compressed in the header":     {made{l2: [][]uint64{{packedEntry(1024, 1)}}, data: 1}, "tables", "compressed"},
		"compressed in a table":        {made{l2: [][]uint64{{packedEntry(one.table(0), 1)}}, data: 1}, "tables", "as compressed"},
		"compressed in data":           {made{l2: [][]uint64{{one.at(0), packedEntry(one.at(0), 1)}}, data: 1}, "tables", "as compressed"},
		"data in compressed":           {made{l2: [][]uint64{{packedEntry(one.at(0), 1), one.at(0)}}, data: 1}, "tables", "as data"},
		"a table behind the disk's":    {made{first: append(make([]uint64, 8), one.table(0)), l2: [][]uint64{{}}}, "tables", "behind the disk's end"},
		"a table of one read as zeros": {made{l2: [][]uint64{{one.at(0) | 1, one.at(0)}}, data: 1}, "tables", "names already"},
	} {
		file := c.from.file()
		if name == "a table behind the disk's" {
			binary.BigEndian.PutUint64(file[24:], 8*madeCluster/8*madeCluster)
		}
		i, err := Inspect(&counter{t: t, file: file}, int64(len(file)), limits)
		if err != nil {
			t.Fatal(err)
		}
		refused(t, name, i, c.check)
		if failed := i.Failed(); failed != nil && !strings.Contains(failed.Detail, c.words) {
			t.Errorf("%s: the sentence is %q, want %q in it", name, failed.Detail, c.words)
		}
	}
}

// TestBombIsRefusedBeforeQEMU shows that 384 KiB do not get as far as a child, and leave nothing.
func TestBombIsRefusedBeforeQEMU(t *testing.T) {
	file := bomb().file()
	if len(file) != 384<<10 {
		t.Fatalf("the bomb has %d bytes", len(file))
	}
	path := filepath.Join(t.TempDir(), "bomb.qcow2")
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", t.TempDir()) // no qemu-img
	v := Verifier{Scratch: t.TempDir()}
	r, err := v.Verify(t.Context(), path, Limits{MaxFile: 1 << 30, MaxVirtual: 4 << 40}, Progress{})
	if err != nil || r.State != provisioner.UploadRefused || r.Digest != "" {
		t.Errorf("%s %q, hashed %q, %v", r.State, r.Reason, r.Digest, err)
	}
	if left, _ := os.ReadDir(v.Scratch); len(left) > 0 {
		t.Errorf("%d folders left in scratch", len(left))
	}
}

// drawSound draws a sound file: each cluster of data is named once, in any order, and compressed ones share clusters.
func drawSound(t *rapid.T) (m made, plain, compressed int) {
	m.l2 = make([][]uint64, rapid.IntRange(1, 3).Draw(t, "tables"))
	for n := range m.l2 {
		m.l2[n] = make([]uint64, madeCluster/8)
	}
	m.data = rapid.IntRange(2, 40).Draw(t, "clusters of data")
	packs := rapid.IntRange(1, m.data-1).Draw(t, "clusters of compressed data")
	set := func(entry uint64) bool {
		entries := m.l2[rapid.IntRange(0, len(m.l2)-1).Draw(t, "table")]
		n := rapid.IntRange(0, len(entries)-1).Draw(t, "entry")
		free := entries[n] == 0
		if free {
			entries[n] = entry
		}
		return free
	}
	for _, n := range rapid.Permutation(numbers(m.data)).Draw(t, "order") {
		switch kind := rapid.SampledFrom([]string{"data", "zeros", "nothing"}).Draw(t, "kind"); {
		case n < packs:
			for k := range uint64(3) {
				if set(packedEntry(m.at(n)+k*20000, 40)) {
					compressed++
				}
			}
		case kind == "data" && set(madeCopied|m.at(n)):
			plain++
		case kind == "zeros":
			set(madeCopied | m.at(n) | l2ReadsZeros)
		}
	}
	return m, plain, compressed
}

func numbers(n int) []int {
	list := make([]int, n)
	for i := range list {
		list[i] = i
	}
	return list
}

func TestTablesProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m, plain, compressed := drawSound(t)
		file := m.file()
		look := func() Inspection {
			i, err := Inspect(bytes.NewReader(file), int64(len(file)), Limits{MaxFile: 1 << 30, MaxVirtual: 4 << 40})
			if err != nil {
				t.Fatal(err)
			}
			return i
		}
		i := look()
		if want := int64(plain+compressed) * madeCluster; !i.Passed() || i.DataSize != want {
			t.Fatalf("a sound file: %d bytes of data, want %d; failed %+v", i.DataSize, want, i.Failed())
		}
		// One more entry, and it names what is named already or cannot be.
		entry := rapid.SampledFrom([]uint64{
			m.table(0), 0x4000, madeCluster, 2 * madeCluster, 3 * madeCluster, uint64(len(file)), m.at(0), packedEntry(m.table(0), 2), packedEntry(uint64(len(file)), 1),
		}).Draw(t, "wrong")
		table := rapid.IntRange(0, len(m.l2)-1).Draw(t, "in table")
		at := m.table(table) + 8*rapid.Uint64Range(0, madeCluster/8-1).Draw(t, "at")
		// What stood there may have been what m.at(0) was named by.
		if entry == m.at(0) && compressed == 0 || binary.BigEndian.Uint64(file[at:]) != 0 {
			return
		}
		binary.BigEndian.PutUint64(file[at:], entry)
		if i := look(); i.Passed() || i.Failed().Name != "tables" {
			t.Fatalf("entry %#x at %d was taken", entry, at)
		}
	})
}

// TestInspectTakesHonestDisks makes disks as people do, and as QEMU leaves them after some use.
func TestInspectTakesHonestDisks(t *testing.T) {
	dir := t.TempDir()
	raw := bootable(t, dir)
	at := func(name string) string { return filepath.Join(dir, name) }
	for name, c := range map[string]struct {
		options string
		after   func(path string)
	}{
		"plain":                  {options: "-O qcow2"},
		"zlib":                   {options: "-c -O qcow2"},
		"zstd":                   {options: "-c -O qcow2 -o compression_type=zstd"},
		"metadata":               {options: "-O qcow2 -o preallocation=metadata"},
		"falloc":                 {options: "-O qcow2 -o preallocation=falloc"},
		"full":                   {options: "-O qcow2 -o preallocation=full"},
		"extended, preallocated": {options: "-O qcow2 -o extended_l2=on,preallocation=metadata"},
		"extended, compressed":   {options: "-c -O qcow2 -o extended_l2=on"},
		"2 MiB":                  {options: "-O qcow2 -o cluster_size=2M"},
		"512 bytes, compressed":  {options: "-c -O qcow2 -o cluster_size=512"},
		"one bit counts":         {options: "-O qcow2 -o refcount_bits=1"},
		"64 bit counts":          {options: "-O qcow2 -o refcount_bits=64"},
		"no zeros found":         {options: "-S 0 -O qcow2"},
		"a snapshot was deleted": {options: "-O qcow2", after: func(path string) {
			qemuImg(t, "snapshot", "-c", "one", path)
			qemuIO(t, path, "write -P 7 3M 256k", "write -P 7 5M 64k")
			qemuImg(t, "snapshot", "-a", "one", path)
			qemuImg(t, "snapshot", "-d", "one", path)
		}},
		"written over": {options: "-c -O qcow2", after: func(path string) {
			qemuIO(t, path, "write -P 1 6M 1M", "discard 6M 512k", "write -z 6656k 512k", "write -c -P 9 7M 64k", "write -z 7M 64k")
		}},
		"grown and shrunk": {options: "-O qcow2", after: func(path string) {
			qemuImg(t, "resize", "-q", path, "64G")
			qemuIO(t, path, "write -P 3 48G 64k", "discard 48G 64k")
			qemuImg(t, "resize", "-q", "--shrink", path, "8M")
		}},
		"a bitmap": {options: "-O qcow2", after: func(path string) { qemuImg(t, "bitmap", "--add", path, "backup") }},
	} {
		path := at(name + ".qcow2")
		qemuImg(t, append(append([]string{"convert", "-f", "raw"}, strings.Fields(c.options)...), raw, path)...)
		if c.after != nil {
			c.after(path)
		}
		if i := inspectFile(t, path); !i.Passed() || i.VirtualSize != 8<<20 || i.DataSize == 0 {
			t.Errorf("%s: %d bytes, %d of data, failed %+v", name, i.VirtualSize, i.DataSize, i.Failed())
		}
	}
}

func inspectFile(t *testing.T, path string) Inspection {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	i, err := Inspect(f, info.Size(), DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return i
}

func qemuIO(t *testing.T, path string, commands ...string) {
	t.Helper()
	args := []string{"-f", "qcow2", "-d", "unmap"}
	for _, c := range commands {
		args = append(args, "-c", c)
	}
	if out, err := exec.Command("qemu-io", append(args, path)...).CombinedOutput(); err != nil {
		t.Fatalf("qemu-io %v: %v: %s", args, err, out)
	}
}

// TestLargestShape says whose disk the bound is.
func TestLargestShape(t *testing.T) {
	limits := Limits{MaxFile: 1 << 24, MaxVirtual: 512 << 20, Largest: "the disk of the largest shape, large of North"}
	file := qcow2File()
	i, err := Inspect(bytes.NewReader(file), int64(len(file)), limits)
	if err != nil {
		t.Fatal(err)
	}
	refused(t, "1 GiB", i, "disk size")
	for _, words := range []string{"512 MiB", "large of North", "qemu-img resize --shrink disk.qcow2 512M"} {
		if !strings.Contains(i.Failed().Repair, words) {
			t.Errorf("the repair %q lacks %q", i.Failed().Repair, words)
		}
	}
}

func TestRoomLeavesATenth(t *testing.T) {
	dir := t.TempDir()
	var r rooms
	words := "the folder"
	if _, err := r.take(claim{dir, words, 1 << 60}); err == nil || !strings.Contains(err.Error(), "the folder") {
		t.Fatalf("more than there is was promised: %v", err)
	} else if full := (*NoRoomError)(nil); !errors.As(err, &full) || full.Ever() || full.Total == 0 {
		t.Errorf("%+v", full)
	}
	release, err := r.take(claim{dir, words, 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	var full *NoRoomError
	_, err = r.take(claim{dir, words, 1 << 60})
	if !errors.As(err, &full) {
		t.Fatal(err)
	}
	// All but a tenth of what is free, less what was promised, fits once.
	most := full.Free - full.Total/keepFree - 64<<20
	if most <= 0 {
		t.Fatalf("this machine has only %d of %d bytes free: no verification could run on it", full.Free, full.Total)
	}
	all, err := r.take(claim{dir, words, most})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.take(claim{dir, words, 256 << 20}); !errors.As(err, &full) || !full.Ever() {
		t.Errorf("promised twice: %v", err)
	}
	all()
	all() // a second time changes nothing
	release()
	if again, err := r.take(claim{dir, words, most}); err != nil {
		t.Errorf("after the release: %v", err)
	} else {
		again()
	}
}
