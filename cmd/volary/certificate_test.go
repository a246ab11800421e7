package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"volary.dev/provisioner"
	"volary.dev/provisioner/certificate"
	"volary.dev/provisioner/image"
	"volary.dev/provisioner/manifest"
)

// home is a folder of who checks a certificate: document, image, certificate, keys.
type home struct {
	t                                *testing.T
	document, image, certified, keys string
	ring                             certificate.Ring
	model                            provisioner.Model
}

func newHome(t *testing.T) *home {
	t.Helper()
	dir := t.TempDir()
	h := &home{t: t, document: filepath.Join(dir, "cluster.json"), image: filepath.Join(dir, "disk.raw"), certified: filepath.Join(dir, "certificate.json"), keys: filepath.Join(dir, "keys.json")}
	disk := make([]byte, 4<<20)
	copy(disk[1<<20:], "what a guest reads")
	disk[0], disk[510], disk[511] = 0xeb, 0x55, 0xaa
	disk[446], disk[450], disk[455], disk[459] = 0x80, 0x83, 8, 8 // a partition from sector 2048 on
	h.write(h.image, disk)
	sum := sha256.Sum256(disk)
	looked, err := image.Look(t.Context(), h.image, image.DefaultLimits())
	h.ok(err)
	uploaded, guest := hex.EncodeToString(sum[:]), looked.GuestDigest
	h.model = provisioner.Model{Format: provisioner.ModelFormat, Head: provisioner.Group{
		Image: provisioner.ImageRef{Name: "disk", Digest: guest}, Shape: provisioner.Shape{VCPUs: 1, MemoryMiB: 512, DiskGiB: 4},
		Gate: provisioner.Gate{Kind: provisioner.GateAddress, TimeoutSeconds: 300},
	}}
	doc := manifest.Canonical(h.model)
	h.write(h.document, append(doc, '\n'))
	test := certificate.Test{
		Model: "mpi\x1b[31m", Version: "1", Document: manifest.Digest(doc), Provider: certificate.Provider{ID: "north", Name: "North"}, Ended: time.Unix(0, 0),
		Images:      []certificate.Image{{Name: "disk", Guest: guest, Uploaded: uploaded, Canonical: strings.Repeat("b", 64)}},
		NotObserved: []certificate.NotObserved{{What: "A second boot", Why: "Nobody\x07 looked."}},
	}
	key, err := certificate.NewKey()
	h.ok(err)
	envelope, err := certificate.Sign(t.Context(), test, time.Unix(0, 0), key)
	h.ok(err)
	h.write(h.certified, envelope)
	h.ring.Keys = []certificate.Key{{ID: certificate.KeyID(key.Public()), Public: key.Public(), Of: test.Provider}}
	h.writeKeys()
	return h
}

func (h *home) ok(err error) {
	h.t.Helper()
	if err != nil {
		h.t.Fatal(err)
	}
}

func (h *home) write(name string, b []byte) {
	h.t.Helper()
	h.ok(os.WriteFile(name, b, 0o600))
}

func (h *home) writeKeys() {
	h.t.Helper()
	b, err := h.ring.Write()
	h.ok(err)
	h.write(h.keys, b)
}

// verify checks all, and wants an end and words.
func (h *home) verify(want error, says ...string) {
	h.t.Helper()
	h.wants(certificateVerify{File: h.certified, Keys: h.keys, Document: h.document, Images: []string{h.image}}, want, says...)
}

func (h *home) wants(v certificateVerify, want error, says ...string) {
	h.t.Helper()
	var out bytes.Buffer
	if err := v.run(h.t.Context(), &out); err != want { //nolint:errorlint // the very error
		h.t.Errorf("%v, wanted %v:\n%s", err, want, &out)
	}
	for _, s := range says {
		if !strings.Contains(out.String(), s) {
			h.t.Errorf("says not %q:\n%s", s, &out)
		}
	}
	if strings.ContainsAny(out.String(), "\x1b\x07") {
		h.t.Errorf("a terminal obeys: %q", &out)
	}
}

func (h *home) flip(name string, at int) (undo func()) {
	h.t.Helper()
	b, err := os.ReadFile(name)
	h.ok(err)
	b[at] ^= 1
	h.write(name, b)
	return func() { b[at] ^= 1; h.write(name, b) }
}

// A certificate is checked offline with its document and image; one byte of either that is another is refused, and said.
func TestCertificateVerify(t *testing.T) {
	h := newHome(t)
	h.verify(nil, "the certificate is valid", "cluster.json: same", "disk.raw: same", "not observed: A second boot")
	for _, at := range []int{1 << 20, 3<<20 + 7} {
		undo := h.flip(h.image, at)
		h.verify(exitDiffers, "disk.raw: differs", "a guest reads of it something else", "cluster.json: same")
		undo()
	}
	document, err := os.ReadFile(h.document)
	h.ok(err)
	for at := range document[:len(document)-1] {
		undo := h.flip(h.document, at)
		h.verify(exitDiffers, "cluster.json: differs", "disk.raw: same")
		undo()
	}
	h.verify(nil)
	h.wants(certificateVerify{File: h.certified}, exitUnchecked, "the signatures are not checked")
	h.wants(certificateVerify{File: h.certified, Keys: h.keys, Images: []string{h.document}}, exitUnchecked, "could not be compared")
	h.wants(certificateVerify{File: h.certified, Keys: h.keys, Images: []string{h.image + ".none"}}, exitUnchecked, "no such file")
	inYAML := filepath.Join(filepath.Dir(h.document), "cluster.yaml")
	h.write(inYAML, manifest.WriteYAML(h.model))
	v := certificateVerify{File: h.certified, Keys: h.keys, Document: inYAML}
	h.wants(v, nil, "cluster.yaml: same")
	h.model.Head.Gate.TimeoutSeconds++
	h.write(inYAML, manifest.WriteYAML(h.model))
	h.wants(v, exitDiffers, "cluster.yaml: differs")
	h.ring.Keys[0].Revoked = &certificate.Revocation{At: time.Unix(0, 0), Reason: "a disk\x1b was stolen"}
	h.writeKeys()
	h.verify(exitDiffers, "the certificate is not valid", "revoked at 1970-01-01", "was stolen")
	h.ring.Keys = nil
	h.writeKeys()
	h.verify(exitDiffers, "unknown")
}

func TestCertificateVerifyRefuses(t *testing.T) {
	h := newHome(t)
	if err := (certificateVerify{File: h.certified, Keys: h.document}).run(t.Context(), &bytes.Buffer{}); err == nil || !strings.Contains(err.Error(), "no list of keys") {
		t.Errorf("a document for keys: %v", err)
	}
	if err := (certificateVerify{File: h.document}).run(t.Context(), &bytes.Buffer{}); err == nil {
		t.Error("a document for a certificate")
	}
	var e map[string]any
	b, err := os.ReadFile(h.certified)
	h.ok(err)
	h.ok(json.Unmarshal(b, &e))
	e["payload"] = "e30="
	b, err = json.Marshal(e)
	h.ok(err)
	h.write(h.certified, b)
	if err := (certificateVerify{File: h.certified, Keys: h.keys}).run(t.Context(), &bytes.Buffer{}); err == nil {
		t.Error("another payload")
	}
}
