package jobs_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"volary.dev/handlers/jobs"
	"volary.dev/provisioner"
	"volary.dev/provisioner/drivertest"
	"volary.dev/provisioner/memory"
	"volary.dev/store"
	"volary.dev/store/storetest"
)

// said is what a log was told, for a test that waits for it.
type said struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *said) has(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Contains(s.text.String(), text)
}

// observe runs an observer that looks at images at every opportunity.
func (b *bench) observe(t *testing.T, probe string) *said {
	t.Helper()
	log := &said{}
	b.log = slog.New(slog.NewTextHandler(log, nil))
	ctx, cancel := context.WithCancel(context.Background())
	o := &jobs.Observer{
		Engine: b.engine("observer", storetest.OpenAs(t, b.Pool, store.RoleWorker), b.hosts.Dial),
		Round:  30 * time.Millisecond, ImagesTick: time.Millisecond, ProbeImage: probe,
	}
	var done sync.WaitGroup
	done.Go(func() { _ = o.Run(ctx) })
	t.Cleanup(func() { cancel(); done.Wait() })
	return log
}

// bring puts bytes on a host as an image, and gives their digest.
func bring(t *testing.T, h *memory.Host, content string) string {
	t.Helper()
	sum := sha256.Sum256([]byte(content))
	digest := hex.EncodeToString(sum[:])
	noError(t, h.EnsureImage(t.Context(), digest, int64(len(content)), func(context.Context) (io.ReadCloser, error) {
		return io.NopCloser(strings.NewReader(content)), nil
	}))
	return digest
}

func has(t *testing.T, h *memory.Host, digest string) bool {
	t.Helper()
	list, err := h.Images(t.Context())
	noError(t, err)
	for _, i := range list {
		if i.Digest == digest {
			return true
		}
	}
	return false
}

// image is an image of the bench's organization with a digest, and copies of it on hosts.
func (b *bench) image(t *testing.T, content string, hosts ...*memory.Host) (id uuid.UUID, digest string) {
	t.Helper()
	for _, h := range hosts {
		digest = bring(t, h, content)
	}
	id = b.AddImage(t, b.Organization, b.Person)
	_, err := b.Pool.Exec(t.Context(), `UPDATE images SET canonical_digest = $2 WHERE id = $1`, id, digest)
	noError(t, err)
	return id, digest
}

// stand makes a machine that no row knows, whose disk stands on an image.
func stand(t *testing.T, h *memory.Host, digest string) uuid.UUID {
	t.Helper()
	n := drivertest.Network(77, netip.MustParseAddr("192.0.2.1"))
	noError(t, h.EnsureNetwork(t.Context(), n))
	spec := provisioner.NodeSpec{ID: uuid.Must(uuid.NewV7()), Name: "head", VNI: n.VNI, MAC: n.Entries[0].MAC, ImageDigest: digest}
	noError(t, h.EnsureNode(t.Context(), spec))
	return spec.ID
}

func TestCopiesGoWithTheirImage(t *testing.T) {
	b := newBench(t)
	one, two := b.host(1), b.host(2)
	image, digest := b.image(t, "a disk of birds", one, two)
	_, kept := b.image(t, "another disk", one, two)
	node := stand(t, one, digest)
	log := b.observe(t, "")
	noError(t, b.DB.Models.DeleteImage(t.Context(), b.Organization, b.Person, image))
	until(t, "the copy on which no disk stands", func() bool { return !has(t, two, digest) })
	until(t, "the refusal of the other", func() bool { return log.has("stands on it") })
	if !has(t, one, digest) {
		t.Error("the copy under a node's disk is gone")
	}
	noError(t, one.DeleteNode(t.Context(), node, false))
	until(t, "the copy whose node is gone", func() bool { return !has(t, one, digest) })
	if !has(t, one, kept) || !has(t, two, kept) {
		t.Error("copies of an image that is there are gone")
	}
}

// TestUnknownCopies go at the second look, but not beside unknown machines: another deployment's may be on the host. The
// probe image stays.
func TestUnknownCopies(t *testing.T) {
	b := newBench(t)
	one, two := b.host(1), b.host(2)
	probe := filepath.Join(t.TempDir(), "probe")
	noError(t, os.WriteFile(probe, []byte("a probe"), 0o600))
	kept := bring(t, one, "a probe")
	unknown := bring(t, one, "nobody's disk")
	bring(t, two, "nobody's disk")
	stand(t, two, bring(t, two, "a stranger's disk"))
	b.observe(t, probe)
	until(t, "the unknown copy", func() bool { return !has(t, one, unknown) })
	for _, content := range []string{"first", "second", "third"} { // each of which takes a look at the second host
		image, digest := b.image(t, content, two)
		noError(t, b.DB.Models.DeleteImage(t.Context(), b.Organization, b.Person, image))
		until(t, "the deleted one", func() bool { return !has(t, two, digest) })
	}
	if !has(t, two, unknown) {
		t.Error("an unknown copy is gone beside an unknown machine")
	}
	if !has(t, one, kept) {
		t.Error("the probe image is gone")
	}
}
