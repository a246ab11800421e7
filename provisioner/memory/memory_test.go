package memory_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/provisioner/memory"
	"volary.dev/provisioner/waittest"
)

const emptyDigest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

func address(name string) provisioner.HostAddress {
	return provisioner.HostAddress{Scheme: provisioner.SchemeMemory, Name: name}
}

func quick(dir string) *memory.World {
	return memory.NewWorld(memory.Options{StateDir: dir, BootTime: 20 * time.Millisecond, StopTime: 5 * time.Millisecond, TryTime: 3 * time.Second})
}

// cluster puts a head on h1 and a compute node on h2 into one network.
func cluster(t *testing.T, w *memory.World, joined bool) (head, compute provisioner.NodeSpec) {
	t.Helper()
	mac := func(b byte) net.HardwareAddr { return net.HardwareAddr{0x52, 0x54, 0, 0, 0, b} }
	head = provisioner.NodeSpec{ID: uuid.Must(uuid.NewV7()), Name: "head", VNI: 7, MAC: mac(1), ImageDigest: emptyDigest, Seed: []byte("echo volary-check nonce-0001 identity")}
	compute = provisioner.NodeSpec{ID: uuid.Must(uuid.NewV7()), Name: "compute-001", VNI: 7, MAC: mac(2), ImageDigest: emptyDigest, Seed: head.Seed}
	for i, node := range []provisioner.NodeSpec{head, compute} {
		d := w.Host(address([]string{"h1", "h2"}[i]))
		n := provisioner.Network{
			VNI: 7, Subnet: netip.MustParsePrefix("10.99.1.0/24"), Underlay: netip.MustParseAddr([]string{"10.77.0.11", "10.77.0.12"}[i]),
			Entries: []provisioner.NetworkEntry{
				{Name: "head", MAC: head.MAC, IP: netip.MustParseAddr("10.99.1.10")},
				{Name: "compute-001", MAC: compute.MAC, IP: netip.MustParseAddr("10.99.1.11")},
			},
		}
		if joined {
			n.Peers = []netip.Addr{netip.MustParseAddr([]string{"10.77.0.12", "10.77.0.11"}[i])}
		}
		err := errors.Join(d.EnsureNetwork(t.Context(), n),
			d.EnsureImage(t.Context(), emptyDigest, 0, func(context.Context) (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("")), nil }),
			d.EnsureNode(t.Context(), node))
		if err != nil {
			t.Fatal(err)
		}
	}
	return head, compute
}

func consoleHas(t *testing.T, h *memory.Host, id uuid.UUID, text string) func() bool {
	return func() bool {
		c, err := h.Consoles(t.Context(), []provisioner.ConsoleQuery{{Node: id, Find: []string{text}}})
		return err == nil && len(c[0].Lines) > 0
	}
}

func TestGuestsBootTakeTheirAddressAndReachTheHead(t *testing.T) {
	w := quick("")
	head, compute := cluster(t, w, true)
	h2 := w.Host(address("h2"))
	waittest.Until(t, "ready", consoleHas(t, h2, compute.ID, "volary: ready"))
	waittest.Until(t, "the head", consoleHas(t, h2, compute.ID, "volary-check nonce-0001 head reached 10.99.1.10"))
	leases, err := h2.Addresses(t.Context(), 7)
	if err != nil || leases[compute.MAC.String()] != netip.MustParseAddr("10.99.1.11") || len(leases) != 1 {
		t.Errorf("leases %v, %v", leases, err)
	}
	if c, err := h2.Consoles(t.Context(), []provisioner.ConsoleQuery{{Node: head.ID, Tail: 10}}); err != nil || c[0].Kept != 0 {
		t.Errorf("console of a node elsewhere: %+v, %v", c, err)
	}
}

func TestGuestsOfHostsThatAreNoPeersDoNotReachEachOther(t *testing.T) {
	w := quick("")
	_, compute := cluster(t, w, false)
	h2 := w.Host(address("h2"))
	waittest.Until(t, "giving up", consoleHas(t, h2, compute.ID, "head unreached"))
}

func TestConsoleIsTakenOver(t *testing.T) {
	w := quick("")
	head, _ := cluster(t, w, true)
	h1 := w.Host(address("h1"))
	waittest.Until(t, "ready", consoleHas(t, h1, head.ID, "volary: ready"))
	first, err := h1.Console(t.Context(), head.ID)
	if err != nil {
		t.Fatal(err)
	}
	second, err := h1.Console(t.Context(), head.ID)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(first); !errors.Is(err, provisioner.ErrConsoleTaken) {
		t.Errorf("the first viewer ended with %v", err)
	}
	if _, err := second.Write([]byte("hostname\r")); err != nil {
		t.Fatal(err)
	}
	if err := h1.StopNode(t.Context(), head.ID, true); err != nil {
		t.Fatal(err)
	}
	said, err := io.ReadAll(second)
	if err != nil || !strings.Contains(string(said), "hostname\r\nhead\r\n") {
		t.Errorf("console said %q, %v", said, err)
	}
}

func TestHostRemembersDisksOverARestartOfTheProcess(t *testing.T) {
	dir := t.TempDir()
	head, _ := cluster(t, quick(dir), true)
	after := quick(dir).Host(address("h1"))
	o, err := after.Observe(t.Context())
	if err != nil || len(o.Nodes) != 1 || o.Nodes[0].ID != head.ID || o.Nodes[0].State != provisioner.MachineOff {
		t.Errorf("observed %+v, %v", o, err)
	}
}

func TestFaults(t *testing.T) {
	w := quick("")
	head, _ := cluster(t, w, true)
	h1 := w.Host(address("h1"))
	h1.SetUnreachable(true)
	if _, err := h1.Observe(t.Context()); !errors.Is(err, provisioner.ErrHostUnreachable) {
		t.Errorf("unreachable: %v", err)
	}
	h1.SetUnreachable(false)
	h1.Refuse("EnsureNode", 1, "Cannot allocate memory")
	var refused *provisioner.HostError
	if err := h1.EnsureNode(t.Context(), head); !errors.As(err, &refused) || refused.Detail != "Cannot allocate memory" {
		t.Errorf("refusing: %v", err)
	}
	if err := h1.EnsureNode(t.Context(), head); err != nil {
		t.Errorf("after the refusal: %v", err)
	}
	h1.Halt(head.ID, "a disk is full")
	if o, _ := h1.Observe(t.Context()); len(o.Nodes) != 1 || o.Nodes[0].State != provisioner.MachineHalted || o.Nodes[0].Why != "a disk is full" || o.Nodes[0].StartID == "" {
		t.Errorf("halted: %+v", o)
	}
	if err := errors.Join(h1.SuspendNode(t.Context(), head.ID), h1.ResumeNode(t.Context(), head.ID)); err != nil {
		t.Errorf("going on after a halt: %v", err)
	}
	h1.Crash(head.ID)
	o, _ := h1.Observe(t.Context())
	if len(o.Nodes) != 1 || o.Nodes[0].State != provisioner.MachineCrashed || o.Nodes[0].StartID != "" {
		t.Errorf("after a crash: %+v", o)
	}
	if err := errors.Join(h1.DeleteNode(t.Context(), head.ID, false), h1.DeleteNetwork(t.Context(), 7)); err != nil {
		t.Fatal(err)
	}
	if left := w.Leftovers(); len(left) != 2 {
		t.Errorf("the other host's node and network are left, found %v", left)
	}
}
