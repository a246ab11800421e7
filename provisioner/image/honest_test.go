package image

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"volary.dev/provisioner"
)

// TestInspectTakesOtherHonestDisks makes disks of the other formats by every option that qemu-img has for them.
func TestInspectTakesOtherHonestDisks(t *testing.T) {
	dir := t.TempDir()
	raw := bootable(t, dir)
	for name, c := range map[string]struct {
		options string
		format  Format
		size    int64
		after   func(path string)
	}{
		"qcow2, version 2":       {"-O qcow2 -o compat=0.10", FormatQCOW2, 8 << 20, nil},
		"qcow2, version 3":       {"-O qcow2 -o compat=1.1", FormatQCOW2, 8 << 20, nil},
		"qcow2, zstd":            {"-c -O qcow2 -o compression_type=zstd", FormatQCOW2, 8 << 20, nil},
		"qcow2, extended":        {"-O qcow2 -o extended_l2=on", FormatQCOW2, 8 << 20, nil},
		"qcow2, lazy":            {"-O qcow2 -o lazy_refcounts=on", FormatQCOW2, 8 << 20, nil},
		"qcow2, 512":             {"-O qcow2 -o cluster_size=512", FormatQCOW2, 8 << 20, nil},
		"qcow2, 512, version 2":  {"-O qcow2 -o cluster_size=512,compat=0.10", FormatQCOW2, 8 << 20, nil},
		"qcow2, 4096":            {"-O qcow2 -o cluster_size=4096", FormatQCOW2, 8 << 20, nil},
		"VMDK":                   {"-O vmdk", FormatVMDK, 8 << 20, nil},
		"VMDK, SCSI":             {"-O vmdk -o adapter_type=lsilogic,hwversion=13", FormatVMDK, 8 << 20, nil},
		"VMDK, zeroed grains":    {"-S 0 -O vmdk -o zeroed_grain=on", FormatVMDK, 8 << 20, nil},
		"VMDK, stream":           {"-O vmdk -o subformat=streamOptimized", FormatVMDK, 8 << 20, nil},
		"VMDK, written over":     {"-O vmdk -o zeroed_grain=on", FormatVMDK, 8 << 20, func(path string) { qemuIOf(t, "vmdk", path, "write -P 7 5M 70k", "write -z 3M 128k") }},
		"VHD, dynamic":           {"-O vpc -o force_size=on", FormatVHD, 8 << 20, nil},
		"VHD, fixed":             {"-O vpc -o subformat=fixed,force_size=on", FormatVHD, 8 << 20, nil},
		"VHD, dynamic, cylinder": {"-O vpc", FormatVHD, 8390656, nil},
		"VHD, fixed, cylinder":   {"-O vpc -o subformat=fixed", FormatVHD, 8390656, nil},
		"VHD, written over":      {"-O vpc -o force_size=on", FormatVHD, 8 << 20, func(path string) { qemuIOf(t, "vpc", path, "write -P 7 5M 70k") }},
	} {
		path := filepath.Join(dir, "disk."+string(c.format))
		qemuImg(t, append(append([]string{"convert", "-f", "raw"}, strings.Fields(c.options)...), raw, path)...)
		if c.after != nil {
			c.after(path)
		}
		i := inspectFile(t, path)
		if !i.Passed() || i.Format != c.format || i.VirtualSize != c.size || i.DataSize == 0 || i.DataSize > c.size {
			t.Errorf("%s: %s of %d bytes, %d of data, failed %+v", name, i.Format, i.VirtualSize, i.DataSize, i.Failed())
		}
		for _, check := range i.Checks {
			if check.Detail == "" || (check.Repair != "") != check.Warned {
				t.Errorf("%s: %+v", name, check)
			}
		}
	}
}

func qemuIOf(t *testing.T, format, path string, commands ...string) {
	t.Helper()
	args := []string{"-f", format}
	for _, c := range commands {
		args = append(args, "-c", c)
	}
	if out, err := exec.Command("qemu-io", append(args, path)...).CombinedOutput(); err != nil || strings.Contains(string(out), "failed") {
		t.Fatalf("qemu-io %v: %v: %s", args, err, out)
	}
}

// TestMadeDisksAreQEMUs: what qemu-img makes of the disks that are made by hand is what they were made for, so that the readers are of the format and not of
// the makers.
func TestMadeDisksAreQEMUs(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct {
		file   []byte
		format Format
		from   int // where the disk's first bytes lie
		at     int64
	}{
		"VMDK":         {sparseVMDK(puts(vmdkData*512, "first"), puts((vmdkData+128)*512, "last")), FormatVMDK, 0, 63 * 65536},
		"VHD, dynamic": {dynamicVHDFile(puts((vhdBlockAt+1)*512, "first"), puts((vhdBlockAt+vhdBlockOf+1)*512, "last")), FormatVHD, 2 << 20, 6 << 20},
		"VHD, fixed":   {fixedVHDFile(vhdFixed, 2<<20, puts(0, "first"), puts(1<<20, "last")), FormatVHD, 0, 1 << 20},
	} {
		path, raw := filepath.Join(dir, "disk,of "+name), filepath.Join(dir, "raw")
		if err := os.WriteFile(path, c.file, 0o600); err != nil {
			t.Fatal(err)
		}
		qemuImg(t, slices.Concat([]string{"convert", "-O", "raw"}, c.format.Source(path), []string{raw})...)
		got, err := os.ReadFile(raw)
		if err != nil {
			t.Fatal(err)
		}
		if seen := inspect(t, c.file); int64(len(got)) != seen.VirtualSize || !strings.HasPrefix(string(got[c.from:]), "first") || !strings.HasPrefix(string(got[c.at:]), "last") {
			t.Errorf("%s: %d bytes, %d seen, %q, %q", name, len(got), seen.VirtualSize, got[c.from:c.from+8], got[c.at:c.at+8])
		}
	}
}

// TestCheckable holds what we say of `qemu-img check` against the program.
func TestCheckable(t *testing.T) {
	dir := t.TempDir()
	raw := bootable(t, dir)
	for _, f := range []Format{FormatQCOW2, FormatRaw, FormatVMDK, FormatVHD} {
		path := filepath.Join(dir, "copy."+string(f))
		qemuImg(t, "convert", "-f", "raw", "-O", string(f), raw, path)
		err := exec.Command("qemu-img", "check", "-f", string(f), path).Run()
		if f.Checkable() != (err == nil) {
			t.Errorf("%s: %v", f, err)
		}
	}
}

// TestVHDKeepsItsEnd verifies a VHD as VirtualBox makes one: its geometry is for less than its size, and qemu-img by itself would lose the end.
func TestVHDKeepsItsEnd(t *testing.T) {
	dir := t.TempDir()
	disk := rawDisk(2048, 2048)
	copy(disk[len(disk)-5:], "end.\n")
	raw, path := filepath.Join(dir, "disk.raw"), filepath.Join(dir, "disk.vhd")
	file := append(append([]byte(nil), disk...), make([]byte, 512)...)
	vhdFoot(file[len(disk):], vhdFixed, uint64(len(disk)), vhdNowhere)
	copy(file[len(disk)+28:], "vbox")
	binary.BigEndian.PutUint32(file[len(disk)+56:], 3<<16|4<<8|17) // cylinders, heads, sectors: 104448 bytes
	sum(len(disk), 512, 64)(file)
	for name, content := range map[string][]byte{raw: disk, path: file} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := verify(t, raw)
	if err != nil {
		t.Fatal(err)
	}
	got, err := verify(t, path)
	if err != nil || got.State != provisioner.UploadDone || got.Images[0].GuestDigest != want.Images[0].GuestDigest {
		t.Errorf("%+v, %v; want %+v", got.UploadVerdict, err, want.Images)
	}
}
