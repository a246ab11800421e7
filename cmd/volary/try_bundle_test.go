package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"volary.dev/provisioner"
	"volary.dev/provisioner/bundle"
	"volary.dev/provisioner/image"
	"volary.dev/provisioner/manifest"
)

// bundleOfADisk writes a bundle whose image is a small raw disk, and gives its path and the model's digest.
func bundleOfADisk(t *testing.T) (path, digest string) {
	t.Helper()
	dir := t.TempDir()
	disk := make([]byte, 2<<20)
	disk[510], disk[511] = 0x55, 0xaa
	raw := filepath.Join(dir, "disk.raw")
	noError(t, os.WriteFile(raw, disk, 0o600))
	seen, err := image.Look(t.Context(), raw, image.DefaultLimits())
	noError(t, err)
	group := provisioner.Group{
		Image: provisioner.ImageRef{Name: "an = odd/name", Digest: seen.GuestDigest}, Shape: provisioner.Shape{VCPUs: 1, MemoryMiB: 256, DiskGiB: 2},
		Gate: provisioner.Gate{Kind: provisioner.GateAddress, TimeoutSeconds: 60},
	}
	sum := sha256.Sum256(disk)
	b := bundle.Bundle{
		Model: "trial", Version: "1", Document: manifest.Canonical(provisioner.Model{Format: provisioner.ModelFormat, Head: group}),
		Images: []bundle.Image{{Name: group.Image.Name, Guest: seen.GuestDigest, Digest: hex.EncodeToString(sum[:]), Size: int64(len(disk))}},
	}
	var out bytes.Buffer
	noError(t, b.Write(t.Context(), &out, func(context.Context, bundle.Image) (io.ReadCloser, error) { return os.Open(raw) }))
	path = filepath.Join(dir, "trial.tar")
	noError(t, os.WriteFile(path, out.Bytes(), 0o600))
	return path, b.DocumentDigest()
}

// A bundle is tried as its document and images would be; one with a byte changed is not.
func TestTryTakesABundleApart(t *testing.T) {
	path, digest := bundleOfADisk(t)
	if packed, err := isBundle(path); err != nil || !packed {
		t.Fatalf("not known as a bundle: %v", err)
	}
	c, err := tryCommand{File: path}.unbundle(t.Context(), io.Discard, t.TempDir())
	noError(t, err)
	document, err := os.ReadFile(c.File)
	noError(t, err)
	file, err := manifest.ParseYAML(document)
	noError(t, err)
	if got := manifest.Digest(manifest.Canonical(file.Model)); got != digest {
		t.Errorf("the document is %s, not %s", got, digest)
	}
	images, err := c.findImages(t.Context(), io.Discard, file.Model)
	noError(t, err)
	if len(c.bundled) != 1 || images[file.Model.Head.Image.Digest].path != c.bundled[0] {
		t.Errorf("images: %+v", images)
	}

	archive, err := os.ReadFile(path)
	noError(t, err)
	archive[len(archive)-1<<20] ^= 1
	noError(t, os.WriteFile(path, archive, 0o600))
	if _, err := (tryCommand{File: path}).unbundle(t.Context(), io.Discard, t.TempDir()); err == nil || !strings.Contains(err.Error(), "The bytes of the blob ") {
		t.Errorf("a byte changed: %v", err)
	}
	yaml := filepath.Join(t.TempDir(), "cluster.yaml")
	noError(t, os.WriteFile(yaml, manifest.WriteYAML(file.Model), 0o600))
	if packed, err := isBundle(yaml); err != nil || packed {
		t.Errorf("a YAML is a bundle: %v", err)
	}
}
