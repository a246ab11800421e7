package image

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func guestOf(t *testing.T, path string) (string, error) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	return GuestDigest(t.Context(), file, DefaultLimits())
}

// The guest-visible digest of a disk is the same in every form that qemu-img gives it, and another one with another byte. It is that of the
// stream that a verification hashes.
func TestGuestDigestOfFiles(t *testing.T) {
	dir := t.TempDir()
	disk := append(rawDisk(2048, 2048), make([]byte, 9<<20+512)...)
	copy(disk[3<<20-100:], strings.Repeat("some data of a guest ", 50_000))
	copy(disk[6<<20:], incompressible(700_000))
	raw := filepath.Join(dir, "disk.raw")
	writeFile(t, raw, disk)
	want, err := guestOf(t, raw)
	if err != nil {
		t.Fatal(err)
	}
	g := newGuestStream(io.Discard)
	file, err := os.Open(raw)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	if err := g.readGuest(t.Context(), file, int64(len(disk)), nil); err != nil {
		t.Fatal(err)
	}
	if streamed, err := g.end(int64(len(disk))); err != nil || streamed != want {
		t.Fatalf("%s, and by the stream %s, %v", want, streamed, err)
	}
	for name, options := range map[string][]string{
		"plain":      nil,
		"old":        {"-o", "compat=0.10"},
		"packed":     {"-c"},
		"packed old": {"-c", "-o", "compat=0.10"},
		"zstd":       {"-c", "-o", "compression_type=zstd"},
		"small":      {"-o", "cluster_size=512"},
		"small zlib": {"-c", "-o", "cluster_size=4096"},
		"large":      {"-o", "cluster_size=2M"},
		"large zstd": {"-c", "-o", "cluster_size=2M,compression_type=zstd"},
		"allocated":  {"-S", "0"},
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "disk.qcow2")
			qemuImg(t, append(append([]string{"convert", "-f", "raw", "-O", "qcow2"}, options...), raw, path)...)
			if got, err := guestOf(t, path); err != nil || got != want {
				t.Errorf("%s, %v; want %s", got, err, want)
			}
			// Written zeros are holes.
			qemuIO(t, path, "write -z 5M 64k", "write -P 0 2M 4k")
			if got, err := guestOf(t, path); err != nil || got != want {
				t.Errorf("with zeros %s, %v; want %s", got, err, want)
			}
			qemuIO(t, path, "write -P 7 5M 1")
			if got, err := guestOf(t, path); err != nil || got == want {
				t.Errorf("with another byte %s, %v", got, err)
			}
		})
	}
	canonical, same := written(t, int64(len(disk)), map[int64][]byte{0: disk}, 2)
	if got, err := guestOf(t, canonical); err != nil || got != want {
		t.Errorf("canonical: %s, %v; want %s", got, err, want)
	}
	if got, err := guestOf(t, same); err != nil || got != want {
		t.Errorf("with holes: %s, %v", got, err)
	}
}

// What our own readers do not read is said, with what to do.
func TestGuestDigestNotHere(t *testing.T) {
	raw := bootable(t, t.TempDir())
	extended, vmdk := filepath.Join(t.TempDir(), "x.qcow2"), filepath.Join(t.TempDir(), "x.vmdk")
	qemuImg(t, "convert", "-f", "raw", "-O", "qcow2", "-o", "extended_l2=on", raw, extended)
	qemuImg(t, "convert", "-f", "raw", "-O", "vmdk", raw, vmdk)
	text := filepath.Join(t.TempDir(), "x.txt")
	writeFile(t, text, bytes.Repeat([]byte("no disk "), 1<<18))
	for _, path := range []string{extended, vmdk, text} {
		if got, err := guestOf(t, path); !errors.Is(err, ErrNotHere) || got != "" {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
	if _, err := guestOf(t, vmdk); err == nil || !strings.Contains(err.Error(), "qemu-img convert -O raw") {
		t.Errorf("no way is said: %v", err)
	}
}

// FuzzGuestDigest reads what Inspect passed: it ends, and what it reads is bounded by the disk.
func FuzzGuestDigest(f *testing.F) {
	whole := qcow2File()
	f.Add(0, []byte(nil), 0, []byte(nil))
	f.Add(20, []byte{0, 0, 0, 9}, 40, []byte{0, 0, 0, 0, 0, 1, 0, 0})
	f.Add(1<<16, []byte{0x40, 0, 0, 0, 0, 0, 2, 0}, 2<<16, []byte("data"))
	f.Fuzz(func(t *testing.T, at int, one []byte, then int, other []byte) {
		file := bytes.Clone(whole)
		for _, p := range []struct {
			at int
			b  []byte
		}{{at, one}, {then, other}} {
			if p.at >= 0 && p.at < len(file) {
				copy(file[p.at:], p.b)
			}
		}
		limits := Limits{MaxFile: 1 << 24, MaxVirtual: 1 << 28}
		found, err := Inspect(bytes.NewReader(file), int64(len(file)), limits)
		if err != nil || !found.Passed() || found.Format != FormatQCOW2 {
			return
		}
		g := newGuestStream(io.Discard)
		err = readQCOW2(t.Context(), g, bytes.NewReader(file))
		if err != nil {
			_ = g.abandon()
			return
		}
		if _, err := g.end(found.VirtualSize); err != nil {
			t.Fatal(err)
		}
	})
}
