package drivertest

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"io"
	"net"
	"net/netip"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/crypto/ssh"

	"volary.dev/provisioner"
	"volary.dev/provisioner/waittest"
)

// Part is a part of the contract that a driver may be unable to show.
type Part string

// The parts that can be left out.
const (
	PartImages    Part = "images"    // moving bytes into the host's storage
	PartNetworks  Part = "networks"  // changing a network while it runs
	PartAddresses Part = "addresses" // guests take addresses
	PartConsole   Part = "console"   // a live console
	PartLog       Part = "log"       // the kept console log
	PartShutdown  Part = "shutdown"  // guests obey the power button
	PartAgent     Part = "agent"     // guests have an agent that runs commands
	PartProbe     Part = "probe"     // the host looks at its guests' ports
	PartPeers     Part = "peers"     // a network over several hosts
	PartWayOut    Part = "way out"   // a network from which guests reach the world
)

// Bench is a driver with a host behind it.
type Bench struct {
	// Dial opens a connection to the host; the tests open several.
	Dial func(t *testing.T) provisioner.Driver
	// Image is a disk image in canonical form that boots where guests are asked for anything. Empty takes a few bytes
	// that do not boot, for drivers that never look.
	Image []byte
	// Seed makes the NoCloud seed of a node; nil gives a few bytes.
	Seed func(t *testing.T, n provisioner.NodeSpec) []byte
	// PrivateKey is one whose public half the seed names (NewKey); nil makes one for the seed of a few bytes.
	PrivateKey []byte
	// ReadyText appears on the console of a guest that is ready: "volary: ready".
	ReadyText string
	// Prompt appears on the console where a login waits, with Login typed to get a shell; empty where there is one.
	Prompt, Login string
	Underlay      netip.Addr
	Acceleration  provisioner.Acceleration
	Shape         provisioner.Shape
	// Without names the parts left out, and why.
	Without map[Part]string
}

func (b Bench) need(t *testing.T, p Part) {
	t.Helper()
	if why, ok := b.Without[p]; ok {
		t.Skipf("%s: %s", p, why)
	}
}

func (b Bench) has(p Part) bool {
	_, without := b.Without[p]
	return !without
}

// NewKey makes a key for Bench.PrivateKey and the line by which a seed names it.
func NewKey(t *testing.T) (private []byte, line string) {
	t.Helper()
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	block, err := ssh.MarshalPrivateKey(key, "")
	if err != nil {
		t.Fatal(err)
	}
	signer, err := ssh.NewSignerFromKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(block), string(bytes.TrimSpace(ssh.MarshalAuthorizedKey(signer.PublicKey())))
}

func (b Bench) withDefaults(t *testing.T) Bench {
	line := ""
	if b.PrivateKey == nil {
		b.PrivateKey, line = NewKey(t)
	}
	if b.Image == nil {
		b.Image = bytes.Repeat([]byte("volary driver test "), 4096)
	}
	if b.Seed == nil {
		b.Seed = func(_ *testing.T, n provisioner.NodeSpec) []byte {
			return []byte("local-hostname: " + n.Name + "\npublic-keys: " + line)
		}
	}
	if b.Shape == (provisioner.Shape{}) {
		b.Shape = provisioner.Shape{VCPUs: 1, MemoryMiB: 128, DiskGiB: 2}
	}
	if b.Acceleration == "" {
		b.Acceleration = provisioner.AccelerationTCG
	}
	return b
}

// fixture is one cluster on one host.
type fixture struct {
	Bench
	driver  provisioner.Driver
	digest  string
	network provisioner.Network
	node    provisioner.NodeSpec
}

func newFixture(t *testing.T, b Bench, vni uint32) *fixture {
	t.Helper()
	f := &fixture{Bench: b, driver: b.Dial(t)}
	sum := sha256.Sum256(b.Image)
	f.digest = hex.EncodeToString(sum[:])
	f.network = Network(vni, b.Underlay)
	f.node = provisioner.NodeSpec{
		ID: uuid.Must(uuid.NewV7()), ClusterID: f.network.ClusterID, Name: "head", Shape: b.Shape, Acceleration: b.Acceleration,
		MachineType: "q35", ImageDigest: f.digest, VNI: vni, MAC: f.network.Entries[0].MAC,
	}
	f.node.Seed = b.Seed(t, f.node)
	t.Cleanup(func() { f.clean(t) })
	return f
}

// clean runs after the test's context has ended.
func (f *fixture) clean(t *testing.T) {
	ctx, done := waittest.Context(context.Background(), t, "the clean-up")
	defer done()
	if err := f.driver.DeleteNode(ctx, f.node.ID, false); err != nil {
		t.Errorf("clean up: %v", err)
	}
	if err := f.driver.DeleteNetwork(ctx, f.network.VNI); err != nil {
		t.Errorf("clean up: %v", err)
	}
	if err := f.driver.Close(); err != nil {
		t.Errorf("close: %v", err)
	}
}

// Network is a network with a head and a compute node, in 10.200.VNI.0/24 with its VNI modulo 256.
func Network(vni uint32, underlay netip.Addr) provisioner.Network {
	third := byte(vni)
	address := func(last byte) netip.Addr { return netip.AddrFrom4([4]byte{10, 200, third, last}) }
	mac := func(last byte) net.HardwareAddr { return net.HardwareAddr{0x52, 0x54, 0, third, 0, last} }
	forbidden := []netip.Prefix{netip.MustParsePrefix("10.200.0.0/16")}
	if underlay.IsValid() {
		forbidden = append(forbidden, netip.PrefixFrom(underlay, 24).Masked())
	}
	return provisioner.Network{
		ClusterID: uuid.Must(uuid.NewV7()), VNI: vni, Subnet: netip.PrefixFrom(address(0), 24),
		Gateway: address(1), GatewayMAC: mac(1), Domain: "drivertest.volary", MTU: 1450, Generation: 1, Underlay: underlay,
		Entries:   []provisioner.NetworkEntry{{Name: "head", MAC: mac(10), IP: address(10)}, {Name: "compute-001", MAC: mac(11), IP: address(11)}},
		Forbidden: forbidden,
	}
}

func (f *fixture) ensureImage(t *testing.T) {
	t.Helper()
	if !f.has(PartImages) {
		return
	}
	open := func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(f.Image)), nil }
	if err := f.driver.EnsureImage(t.Context(), f.digest, int64(len(f.Image)), open); err != nil {
		t.Fatalf("EnsureImage: %v", err)
	}
}

func (f *fixture) ensureAll(t *testing.T) {
	t.Helper()
	f.ensureImage(t)
	if err := f.driver.EnsureNetwork(t.Context(), f.network); err != nil {
		t.Fatalf("EnsureNetwork: %v", err)
	}
	if err := f.driver.EnsureNode(t.Context(), f.node); err != nil {
		t.Fatalf("EnsureNode: %v", err)
	}
}

func (f *fixture) observe(t *testing.T) provisioner.Observation {
	t.Helper()
	o, err := f.driver.Observe(t.Context())
	if err != nil {
		t.Fatalf("Observe: %v", err)
	}
	return o
}

func (f *fixture) observed(t *testing.T) (provisioner.NodeObservation, bool) {
	t.Helper()
	for _, n := range f.observe(t).Nodes {
		if n.ID == f.node.ID {
			return n, true
		}
	}
	return provisioner.NodeObservation{}, false
}
