package memory_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"net/netip"
	"testing"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/provisioner/drivertest"
	"volary.dev/provisioner/memory"
	"volary.dev/provisioner/waittest"
)

// TestAgentsBehave goes through what an agent may do; another node of the host stays what it is.
func TestAgentsBehave(t *testing.T) {
	w := quick(t.TempDir())
	d, err := w.Dial(t.Context(), address("h1"))
	if err != nil {
		t.Fatal(err)
	}
	network := drivertest.Network(7, netip.Addr{})
	image := []byte("an image")
	sum := sha256.Sum256(image)
	digest, h := hex.EncodeToString(sum[:]), w.Host(address("h1"))
	open := func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(image)), nil }
	if err := d.EnsureImage(t.Context(), digest, int64(len(image)), open); err != nil {
		t.Fatal(err)
	}
	if err := d.EnsureNetwork(t.Context(), network); err != nil {
		t.Fatal(err)
	}
	var ids []uuid.UUID
	run := func(i int) error {
		_, err := d.Exec(t.Context(), ids[i], provisioner.Command{Argv: []string{"hostname"}})
		return err
	}
	for i, e := range network.Entries {
		n := provisioner.NodeSpec{ID: uuid.New(), Name: e.Name, MAC: e.MAC, VNI: 7, ImageDigest: digest, Shape: provisioner.Shape{VCPUs: 1, MemoryMiB: 128, DiskGiB: 1}}
		if err := d.EnsureNode(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, n.ID)
		waittest.Until(t, e.Name+" to be ready", func() bool { return run(i) == nil })
	}
	for agent, want := range map[memory.Agent]error{
		memory.AgentMissing: provisioner.ErrNoAgent, memory.AgentSilent: provisioner.ErrNoAgent, memory.AgentStrays: provisioner.ErrNoAgent,
		memory.AgentBabbles: provisioner.ErrNoAgent, memory.AgentDrips: provisioner.ErrNoAgent, memory.AgentFloods: provisioner.ErrGuestNonsense,
		memory.AgentLeaves: provisioner.ErrGuestNonsense, memory.AgentRefuses: provisioner.ErrGuestRefused, memory.AgentAnswers: nil,
	} {
		h.SetAgent(ids[0], agent)
		if err := run(0); !errors.Is(err, want) {
			t.Errorf("agent %d: %v, want %v", agent, err, want)
		}
		if err := run(1); err != nil {
			t.Errorf("beside agent %d: %v", agent, err)
		}
	}
}
