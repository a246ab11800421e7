package loops_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/uuid"

	"volary.dev/handlers/loops/loopstest"
	"volary.dev/provisioner"
	"volary.dev/provisioner/drivertest"
	"volary.dev/provisioner/memory"
	"volary.dev/provisioner/waittest"
)

func has(t *testing.T, h *memory.Host, digest string) bool {
	t.Helper()
	list, err := h.Images(t.Context())
	loopstest.NoError(t, err)
	for _, i := range list.List {
		if i.Digest == digest {
			return true
		}
	}
	return false
}

// stand makes a machine that no row knows, whose disk stands on an image.
func stand(t *testing.T, h *memory.Host, digest string) uuid.UUID {
	t.Helper()
	n := drivertest.Network(77, netip.MustParseAddr("192.0.2.1"))
	loopstest.NoError(t, h.EnsureNetwork(t.Context(), n))
	spec := provisioner.NodeSpec{ID: uuid.Must(uuid.NewV7()), Name: "head", VNI: n.VNI, MAC: n.Entries[0].MAC, ImageDigest: digest}
	loopstest.NoError(t, h.EnsureNode(t.Context(), spec))
	return spec.ID
}

func TestCopiesGoWithTheirImage(t *testing.T) {
	b := loopstest.NewBench(t)
	one, two := b.Host(1), b.Host(2)
	image, digest := b.NewImage(t, "a disk of birds", one, two)
	_, kept := b.NewImage(t, "another disk", one, two)
	node := stand(t, one, digest)
	log := b.Observe(t, "")
	loopstest.NoError(t, b.DB.Models.DeleteImage(t.Context(), b.Organization, b.Person, image))
	waittest.Until(t, "the copy on which no disk stands", func() bool { return !has(t, two, digest) })
	waittest.Until(t, "the refusal of the other", func() bool { return log.Has("stands on it") })
	if !has(t, one, digest) {
		t.Error("the copy under a node's disk is gone")
	}
	loopstest.NoError(t, one.DeleteNode(t.Context(), node, false))
	waittest.Until(t, "the copy whose node is gone", func() bool { return !has(t, one, digest) })
	if !has(t, one, kept) || !has(t, two, kept) {
		t.Error("copies of an image that is there are gone")
	}
}

// TestUnknownCopies go at the second look, but not beside unknown machines: another deployment's may be on the host. The
// probe image stays.
func TestUnknownCopies(t *testing.T) {
	b := loopstest.NewBench(t)
	one, two := b.Host(1), b.Host(2)
	probe := filepath.Join(t.TempDir(), "probe")
	loopstest.NoError(t, os.WriteFile(probe, []byte("a probe"), 0o600))
	kept := loopstest.Bring(t, one, "a probe")
	unknown := loopstest.Bring(t, one, "nobody's disk")
	loopstest.Bring(t, two, "nobody's disk")
	stand(t, two, loopstest.Bring(t, two, "a stranger's disk"))
	b.Observe(t, probe)
	waittest.Until(t, "the unknown copy", func() bool { return !has(t, one, unknown) })
	for _, content := range []string{"first", "second", "third"} { // each of which takes a look at the second host
		image, digest := b.NewImage(t, content, two)
		loopstest.NoError(t, b.DB.Models.DeleteImage(t.Context(), b.Organization, b.Person, image))
		waittest.Until(t, "the deleted one", func() bool { return !has(t, two, digest) })
	}
	if !has(t, two, unknown) {
		t.Error("an unknown copy is gone beside an unknown machine")
	}
	if !has(t, one, kept) {
		t.Error("the probe image is gone")
	}
}
