package image

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestLook compares our reader with qemu-img's writing: one disk has one digest, however it lies.
func TestLook(t *testing.T) {
	dir := t.TempDir()
	disk := make([]byte, 9<<20+4096)
	noise := rand.NewChaCha8([32]byte{1})
	_, _ = noise.Read(disk[:300<<10])
	copy(disk[2<<20+1000:], bytes.Repeat([]byte("words of a disk "), 60000))
	copy(disk[len(disk)-100:], "the end")
	copy(disk[510:], "\x55\xaa")
	clear(disk[440:510])
	raw := filepath.Join(dir, "disk.raw")
	if err := os.WriteFile(raw, disk, 0o600); err != nil {
		t.Fatal(err)
	}
	want := byTheBook(disk)
	for name, options := range map[string]string{
		"plain":          "-O qcow2",
		"zlib":           "-c -O qcow2",
		"zstd":           "-c -O qcow2 -o compression_type=zstd",
		"small clusters": "-c -O qcow2 -o cluster_size=512",
		"large clusters": "-c -O qcow2 -o cluster_size=2M",
		"version 2":      "-O qcow2 -o compat=0.10",
		"preallocated":   "-S 0 -O qcow2 -o preallocation=metadata",
	} {
		path := filepath.Join(dir, strings.ReplaceAll(name, " ", "-"))
		if out, err := exec.Command("qemu-img", append(append([]string{"convert", "-f", "raw"}, strings.Fields(options)...), raw, path)...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		l, err := Look(t.Context(), path, DefaultLimits())
		if err != nil || l.GuestDigest != want || l.Format != FormatQCOW2 || l.VirtualSize != int64(len(disk)) {
			t.Errorf("%s: %+v, %v; want %s", name, l, err, want)
		}
	}
	if l, err := Look(t.Context(), raw, DefaultLimits()); err != nil || l.GuestDigest != want || l.Format != FormatRaw {
		t.Errorf("raw: %+v, %v", l, err)
	}
}

func TestLookRefuses(t *testing.T) {
	dir := t.TempDir()
	base := filepath.Join(dir, "base.qcow2")
	img := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("qemu-img", args...).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	img("create", "-q", "-f", "qcow2", base, "8M")
	over, vmdk, sub := filepath.Join(dir, "over.qcow2"), filepath.Join(dir, "disk.vmdk"), filepath.Join(dir, "sub.qcow2")
	img("create", "-q", "-f", "qcow2", "-b", base, "-F", "qcow2", over)
	img("create", "-q", "-f", "vmdk", "-o", "subformat=monolithicSparse", vmdk, "8M")
	img("create", "-q", "-f", "qcow2", "-o", "extended_l2=on", sub, "8M")
	for path, says := range map[string]string{
		over: "backing file", base: "no boot signature", vmdk: "qemu-img convert -f vmdk -O qcow2", sub: "subclusters", dir + "/none": "no such file",
	} {
		if l, err := Look(t.Context(), path, DefaultLimits()); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("%s: %+v, %v; want %q", path, l, err, says)
		}
	}
}
