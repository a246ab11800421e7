package image

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"volary.dev/provisioner"
)

// A file out of a wrapper is as large as it likes, in holes. What it holds is judged by what is in it.

// A bomb that is blown up with zeros is one still: to 64 MiB, of which 384 KiB unfold to 512 MiB.
func TestHolesHideNoBomb(t *testing.T) {
	one := made{l2: [][]uint64{{}}, data: 1}
	file := made{l2: [][]uint64{fill(packedEntry(one.at(0), 1))}, data: 1}.file()
	file = append(file, make([]byte, 64<<20-len(file))...)
	for name, data := range map[string][]byte{
		"compressed": packWith(t, "gzip", file),
		"in an OVA":  tarOf(ovf(ovfOf(ovfMachine{"head", []string{"disk.qcow2"}})), tarFile{name: "disk.qcow2", data: file}),
	} {
		r, err := verify(t, writeFile(t, filepath.Join(t.TempDir(), "file"), data))
		if err != nil || r.State != provisioner.UploadRefused || !strings.Contains(r.Reason, "that are no zeros") {
			t.Errorf("%s: %s %q, %v", name, r.State, r.Reason, err)
		}
	}
}

// A disk that is holes for the most part needs no more room than what is in it.
func TestHolesNeedNoRoom(t *testing.T) {
	dir := t.TempDir()
	raw := bootable(t, dir)
	if err := os.Truncate(raw, 320<<20); err != nil {
		t.Fatal(err)
	}
	path := writeFile(t, filepath.Join(dir, "disk.gz"), packWith(t, "gzip", readFile(t, raw)))
	v := Verifier{Scratch: t.TempDir()}
	v.SpaceBy(func(string) (free, total int64, err error) { return 300 << 20, 400 << 20, nil })
	r, err := v.Verify(t.Context(), path, DefaultLimits(), Progress{})
	defer r.Discard()
	if err != nil || r.State != provisioner.UploadDone || r.Images[0].VirtualSize != 320<<20 {
		t.Errorf("%s %q, %v", r.State, r.Reason, err)
	}
}

// zerosBehind is a file of any size: what is behind its begin is zeros.
type zerosBehind []byte

func (z zerosBehind) ReadAt(p []byte, at int64) (int, error) {
	clear(p)
	if at < int64(len(z)) {
		copy(p, z[at:])
	}
	return len(p), nil
}

// What follows the tables of a file takes memory by the file's parts, and no more than is set.
func TestInspectBoundsItsMemory(t *testing.T) {
	small := qcow2File()
	small = changed(small, put32(20, 9), put64(24, 1<<20), put32(36, 32)) // clusters of 512 bytes
	for name, c := range map[string]struct {
		file []byte
		fine bool
		size int64
	}{
		"qcow2, small clusters": {small, false, 300 << 30},
		"VMDK":                  {sparseVMDK(), false, 300 << 30},
		"VMDK that is smaller":  {sparseVMDK(), true, 200 << 30},
		"qcow2":                 {made{l2: [][]uint64{{}}}.file(), true, 300 << 30},
	} {
		i, err := Inspect(zerosBehind(bytes.Clone(c.file)), c.size, Limits{MaxFile: 1 << 40, MaxVirtual: 1 << 40})
		if failed := i.Failed(); err != nil || (failed == nil) != c.fine || failed != nil && !strings.Contains(failed.Detail, "at most 256 GiB") {
			t.Errorf("%s: %+v, %v", name, failed, err)
		}
	}
}
