package image

import (
	"slices"
	"testing"
)

// Every reader of a header has a target of its own, which begins where a sound file is and changes what the reader reads: a file of which
// any byte is changed would hardly come past its mark. `dev test` runs each for some seconds.

// patched is a file of zeros with parts in it. It fails the test where it is read outside, or too much.
type patched struct {
	t     *testing.T
	size  int64
	parts []patch
	read  int64
}

// patch is what lies at a place; the later of two wins.
type patch struct {
	at   int64
	text []byte
}

func (p *patched) ReadAt(b []byte, at int64) (int, error) {
	if at < 0 || at+int64(len(b)) > p.size {
		p.t.Fatalf("read of %d bytes at %d in a file of %d", len(b), at, p.size)
	}
	if p.read += int64(len(b)); p.read > 65<<20+2*p.size {
		p.t.Fatalf("read %d bytes of a file of %d", p.read, p.size)
	}
	clear(b)
	for _, part := range p.parts {
		from, to := max(at, part.at), min(at+int64(len(b)), part.at+int64(len(part.text)))
		if from < to {
			copy(b[from-at:to-at], part.text[from-part.at:])
		}
	}
	return len(b), nil
}

// judged inspects a file and holds the verdict against what every verdict is.
func judged(t *testing.T, size int64, parts ...patch) Inspection {
	limits := Limits{MaxFile: 1 << 26, MaxVirtual: 1 << 40}
	size = max(0, min(size, limits.MaxFile))
	i, err := Inspect(&patched{t: t, size: size, parts: parts}, size, limits)
	switch {
	case err != nil:
		t.Fatal(err)
	case len(i.Checks) == 0:
		t.Fatal("no checks")
	case i.Passed() && (i.Format == "" || i.VirtualSize < minDisk || i.VirtualSize > limits.MaxVirtual || i.DataSize < 0 || i.DataSize > i.VirtualSize):
		t.Fatalf("accepted %+v", i)
	}
	for _, c := range i.Checks {
		if c.Name == "" || c.Name == "inspection" || c.Detail == "" || (c.Passed && !c.Warned) != (c.Repair == "") {
			t.Fatalf("check %+v", c)
		}
	}
	return i
}

// FuzzInspect is for whatever comes: which format it is, too.
func FuzzInspect(f *testing.F) {
	for _, file := range [][]byte{qcow2File()[:512], sparseVMDK()[:16384], streamVMDK(), fixedVHDFile(vhdFixed, 2<<20)[2<<20-1024:], rawDisk(2048, 1024)[:1024], []byte("KDMV")} {
		f.Add(file, []byte{}, int64(len(file)))
		f.Add(file, make([]byte, 512), int64(2<<20))
	}
	f.Fuzz(func(t *testing.T, start, end []byte, size int64) {
		size = max(0, min(size, 1<<26))
		judged(t, size, patch{0, start}, patch{size - int64(len(end)), end})
	})
}

func FuzzQCOW2(f *testing.F) {
	const cluster = 65536
	m := made{l2: [][]uint64{{madeCopied | made{l2: [][]uint64{{}}}.at(0), packedEntry(made{l2: [][]uint64{{}}}.at(1), 3)}}, data: 3}
	sound := m.file()
	add := func(head []byte) {
		f.Add(head, sound[cluster:cluster+64], sound[3*cluster:3*cluster+64], sound[4*cluster:4*cluster+64], int64(len(sound)))
	}
	add(sound[:512])
	add(qcow2File(put32(4, 2))[:512])
	add(qcow2File(put64(72, featureExtendedL2), put32(36, 4))[:512])
	add(qcow2File(put32(112, 0x6803f857), put32(116, 48))[:512])
	f.Fuzz(func(t *testing.T, head, counts, first, second []byte, size int64) {
		judged(t, size, patch{0, sound}, patch{0, head}, patch{0, []byte(qcow2Magic)}, patch{cluster, counts}, patch{3 * cluster, first}, patch{4 * cluster, second})
	})
}

func FuzzVMDK(f *testing.F) {
	const head, text = 512, 20 * 512
	sparse, stream := sparseVMDK(), streamVMDK()
	f.Add(false, sparse[:head], []byte(vmdkText("monolithicSparse")), sparse[vmdkSecond*512:(vmdkFirst+5)*512], []byte{}, int64(len(sparse)))
	f.Add(true, stream[:head], []byte(vmdkText("streamOptimized")), stream[streamGrain*512:streamFooter*512], stream[streamFooter*512:], int64(len(stream)))
	f.Fuzz(func(t *testing.T, packed bool, header, words, tables, end []byte, size int64) {
		size = max(0, min(size, 1<<26))
		base, at := sparse, int64(vmdkSecond*512)
		if packed {
			base, at = stream, streamGrain*512
		}
		// The footer is the header's copy, as it has to be, and then what end says.
		footer := slices.Clone(base[:head])
		copy(footer, header[:min(len(header), head)])
		copy(footer, "KDMV")
		put64le(56, streamDirectory)(footer)
		parts := []patch{{0, base}, {0, header[:min(len(header), head)]}, {0, []byte("KDMV")}, {512, make([]byte, text)}, {512, words[:min(len(words), text)]}, {at, tables}}
		if packed {
			parts = append(parts, patch{size - 3*512, stream[streamFooter*512:]}, patch{size - 2*512, footer}, patch{size - int64(len(end)), end})
		}
		judged(t, size, parts...)
	})
}

func FuzzVHD(f *testing.F) {
	dynamic, fixed := dynamicVHDFile(), fixedVHDFile(vhdFixed, 2<<20)
	f.Add(dynamic[:512], dynamic[vhdHeader*512:vhdTable*512], dynamic[vhdTable*512:vhdBlockAt*512], int64(len(dynamic)))
	f.Add(fixed[2<<20:], fixed[:512], []byte{}, int64(len(fixed)))
	f.Fuzz(func(t *testing.T, footer, header, table []byte, size int64) {
		// Both sums are right, so that what lies behind them is read.
		foot, head := make([]byte, 512), make([]byte, vhdHeaderSize)
		copy(foot, footer)
		copy(foot, vhdCookie)
		sum(0, 512, 64)(foot)
		copy(head, header)
		sum(0, vhdHeaderSize, 36)(head)
		size = max(0, min(size, 1<<26))
		start := patch{0, foot}
		if foot[63] == vhdFixed {
			start = patch{0, header}
		}
		judged(t, size, start, patch{vhdHeader * 512, head}, patch{vhdTable * 512, table}, patch{size - 512, foot})
	})
}

// FuzzPartitionTable is for the begin and the end of a raw disk, and for what lies at the begin of a partition.
func FuzzPartitionTable(f *testing.F) {
	const begin, end = 34 * 512, 33 * 512
	for _, c := range layouts() {
		f.Add(c.disk[:begin], c.disk[2048*512:2048*512+1536], c.disk[len(c.disk)-end:], int64(len(c.disk)))
	}
	f.Fuzz(func(t *testing.T, start, part, copied []byte, size int64) {
		size = max(0, min(size, 1<<26))
		judged(t, size, patch{0, start}, patch{2048 * 512, part}, patch{size - int64(len(copied)), copied}, patch{510, []byte("\x55\xaa")})
	})
}
