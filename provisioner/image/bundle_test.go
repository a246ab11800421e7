package image

import (
	"bytes"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"volary.dev/provisioner"
	"volary.dev/provisioner/bundle"
	"volary.dev/provisioner/manifest"
)

// bundled writes a bundle of one image that two groups call by two names.
func bundled(t *testing.T, change func(b *bundle.Bundle)) string {
	t.Helper()
	return bundledOf(t, bootable(t, t.TempDir()), change)
}

func bundledOf(t *testing.T, raw string, change func(b *bundle.Bundle)) string {
	t.Helper()
	dir := t.TempDir()
	r, err := verify(t, raw)
	if err != nil || r.State != provisioner.UploadDone {
		t.Fatalf("%+v, %v", r.UploadVerdict, err)
	}
	i := r.Images[0]
	g := provisioner.Group{
		Image: provisioner.ImageRef{Name: "a disk", Digest: i.GuestDigest}, Shape: provisioner.Shape{VCPUs: 1, MemoryMiB: 256, DiskGiB: 2},
		Gate: provisioner.Gate{Kind: provisioner.GateAddress, TimeoutSeconds: 120},
	}
	m := provisioner.Model{Format: provisioner.ModelFormat, Head: g}
	g.Name, g.Count, g.Image.Name = "compute", provisioner.Count{Most: 4}, "the same disk"
	m.Compute = []provisioner.Group{g}
	b := bundle.Bundle{
		Model: "trial", Version: "1", Document: manifest.Canonical(m), Certificates: [][]byte{[]byte("no certificate \x00")},
		Images: []bundle.Image{{Name: "a disk", Guest: i.GuestDigest, Digest: i.CanonicalDigest, Size: i.CanonicalSize}},
	}
	if change != nil {
		change(&b)
	}
	path := filepath.Join(dir, "trial.tar")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	err = b.Write(t.Context(), f, func(context.Context, bundle.Image) (io.ReadCloser, error) { return os.Open(r.Canonical[0]) })
	if err != nil {
		t.Fatal(err)
	}
	return path
}

// A bundle makes an image of each name that its document has for one, of the content that it has; the rest comes along unread.
func TestVerifyTakesBundles(t *testing.T) {
	r, err := verify(t, bundled(t, nil))
	if err != nil || r.State != provisioner.UploadDone {
		t.Fatalf("%+v, %v", r.UploadVerdict, err)
	}
	if len(r.Images) != 2 || r.Images[0].Name != "a disk" || r.Images[1].Name != "the same disk" || r.Images[0].Member == r.Images[1].Member ||
		r.Images[0].CanonicalDigest != r.Images[1].CanonicalDigest || r.Format != "bundle" {
		t.Errorf("%+v", r.Images)
	}
	if b := r.Bundle; b == nil || b.Model != "trial" || b.Version != "1" || len(b.Certificates) != 1 || strings.Contains(b.Certificates[0], "\x00") || !strings.HasPrefix(b.Document, "{") {
		t.Errorf("%+v", b)
	}
}

// What a portal gives it takes back, however well it compresses; of a disk that is uploaded by itself that is a bomb, and without a bound it is one here.
func TestBundlesOfWhatCompressesWell(t *testing.T) {
	disk := append(rawDisk(2048, 2048), bytes.Repeat([]byte("x"), 14<<20)...)
	r, err := verify(t, bundledOf(t, writeFile(t, filepath.Join(t.TempDir(), "disk.raw"), disk), nil))
	if err != nil || r.State != provisioner.UploadDone {
		t.Errorf("%+v, %v", r.UploadVerdict, err)
	}
	for tables, taken := range map[int][2]bool{1: {false, true}, 34: {false, false}} {
		bomb := made{l2: make([][]uint64, tables), data: 1}
		for n := range bomb.l2 {
			bomb.l2[n] = fill(packedEntry(bomb.at(0), 1))
		}
		file := bomb.file()
		for n, canonical := range []bool{false, true} {
			i, err := Inspect(bytes.NewReader(file), int64(len(file)), Limits{MaxFile: 1 << 30, MaxVirtual: 4 << 40, Canonical: canonical})
			if err != nil || i.Passed() != taken[n] || !taken[n] && i.Failed().Name != "compression" {
				t.Errorf("%d tables, canonical %t: %+v, %v", tables, canonical, i.Failed(), err)
			}
		}
	}
}

// What a bundle says of its image is held against the image, and what its digests say against its bytes.
func TestVerifyRefusesChangedBundles(t *testing.T) {
	other := strings.Repeat("0", 64)
	for name, c := range map[string]struct {
		path  string
		check string
		want  string
	}{
		"another content": {bundled(t, func(b *bundle.Bundle) {
			b.Document = bytes.ReplaceAll(b.Document, []byte(b.Images[0].Guest), []byte(other))
			b.Images[0].Guest = other
		}), "content", "the document says " + other},
		"no document": {bundled(t, func(b *bundle.Bundle) { b.Document = []byte("{}") }), "document", "none that this deployment reads"},
		"no name":     {bundled(t, func(b *bundle.Bundle) { b.Model = "" }), "bundle", "has a name that none has here"},
	} {
		r, err := verify(t, c.path)
		if err != nil || r.State != provisioner.UploadRefused || r.Bundle != nil && c.check != "content" || len(r.Images) != 0 {
			t.Errorf("%s: %+v, %v", name, r.UploadVerdict, err)
			continue
		}
		if last := r.Checks[len(r.Checks)-1]; last.Name != c.check || last.Passed || !strings.Contains(last.Detail, c.want) || last.Repair == "" {
			t.Errorf("%s: %+v", name, last)
		}
	}
	path := bundled(t, nil)
	archive, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	at := bytes.Index(archive, []byte("QFI\xfb"))
	archive[at+len(archive[at:])/2] ^= 1
	if err := os.WriteFile(path, archive, 0o600); err != nil {
		t.Fatal(err)
	}
	if r, err := verify(t, path); err != nil || r.State != provisioner.UploadRefused || !strings.Contains(r.Reason, "The bytes of the blob ") {
		t.Errorf("a byte changed: %+v, %v", r.UploadVerdict, err)
	}
}
