package qemu_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/provisioner/cloudinit"
	"volary.dev/provisioner/drivertest"
	"volary.dev/provisioner/lab/sample"
	"volary.dev/provisioner/qemu"
	"volary.dev/provisioner/waittest"
)

// sampleImage is built once, within the checkout.
func sampleImage(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../.volary/sample")
	if err != nil {
		t.Fatal(err)
	}
	file, err := sample.Build(t.Context(), dir, func(s string) { t.Log(s) })
	if err != nil {
		t.Fatal(err)
	}
	return file
}

// open opens a station that is closed with the test.
func open(t *testing.T) *qemu.Station {
	t.Helper()
	s, err := qemu.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// TestDriver runs the contract with real machines, where the run is full.
func TestDriver(t *testing.T) {
	if os.Getenv("VOLARY_TEST_FULL") == "" {
		t.Skip("boots seven machines, which a full run does")
	}
	image, err := os.ReadFile(sampleImage(t))
	if err != nil {
		t.Fatal(err)
	}
	s := open(t)
	key, line := drivertest.NewKey(t)
	drivertest.Exercise(t, drivertest.Bench{
		Dial:  func(*testing.T) provisioner.Driver { return s.Driver() },
		Image: image,
		Seed: func(t *testing.T, n provisioner.NodeSpec) []byte {
			seed, err := cloudinit.Seed{
				InstanceID: n.ID.String(), Hostname: n.Name, Domain: "drivertest.volary", Role: provisioner.RoleHead,
				Nodes: drivertest.Network(n.VNI, netip.Addr{}).Entries, SSHKeys: []string{line},
			}.Build()
			if err != nil {
				t.Fatal(err)
			}
			return seed
		},
		PrivateKey: key,
		ReadyText:  "volary: ready", Prompt: "login: ", Login: "root",
		Underlay:     netip.MustParseAddr("10.77.9.11"),
		Acceleration: s.Accelerates(),
		Without: map[drivertest.Part]string{
			drivertest.PartPeers:  "a workstation is one host",
			drivertest.PartWayOut: "a workstation's networks have no way out",
		},
	})
}

// TestAMachineThatEnds has machines with an empty disk end in all the ways that there are.
func TestAMachineThatEnds(t *testing.T) {
	if testing.Short() {
		t.Skip("starts QEMU")
	}
	s := open(t)
	d := s.Driver()
	base := filepath.Join(t.TempDir(), "empty.qcow2")
	if out, err := exec.Command("qemu-img", "create", "-q", "-f", "qcow2", base, "8M").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for path, format := range map[string]string{base: "vmdk", "empty.qcow2": "qcow2"} {
		if err := s.Lend("empty", qemu.Disk{Path: path, Format: format}, nil); err == nil {
			t.Errorf("%s as %s is taken", path, format)
		}
	}
	if err := s.Lend("empty", qemu.Disk{Path: base, Format: "qcow2"}, nil); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(base)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(content)
	if is, err := d.HashImage(t.Context(), "empty"); err != nil || is != hex.EncodeToString(sum[:]) {
		t.Errorf("a file that is read as it lies has %q, %v", is, err)
	}
	if err := s.Lend("guest's", qemu.Disk{Path: base, Format: "qcow2"}, func(context.Context) (string, error) { return "another", nil }); err != nil {
		t.Fatal(err)
	}
	if is, err := d.HashImage(t.Context(), "guest's"); err != nil || is != "another" {
		t.Errorf("a file that its lender reads has %q, %v", is, err)
	}
	network := drivertest.Network(7, netip.Addr{})
	n := provisioner.NodeSpec{
		ID: uuid.New(), Name: "head", Shape: provisioner.Shape{VCPUs: 1, MemoryMiB: 64, DiskGiB: 1}, Acceleration: s.Accelerates(), MachineType: "none-such", ImageDigest: "empty", VNI: 7,
		MAC: network.Entries[0].MAC, Seed: []byte("seed"),
	}
	var refused *provisioner.HostError
	if err := d.EnsureNode(t.Context(), n); !errors.As(err, &refused) || !strings.Contains(err.Error(), "network 7") {
		t.Errorf("a node without its network: %v", err)
	}
	if err := d.EnsureNetwork(t.Context(), network); err != nil {
		t.Fatal(err)
	}
	if err := d.EnsureNode(t.Context(), n); !errors.As(err, &refused) || !strings.Contains(err.Error(), "unsupported machine type") {
		t.Errorf("a machine of a type that is none: %v", err)
	}
	n.MachineType = ""
	state := func() provisioner.NodeObservation {
		t.Helper()
		o, err := d.Observe(t.Context())
		if err != nil || len(o.Nodes) != 1 {
			t.Fatalf("%+v, %v", o, err)
		}
		return o.Nodes[0]
	}
	start := func() string {
		t.Helper()
		if err := d.EnsureNode(t.Context(), n); err != nil {
			t.Fatal(err)
		}
		if state().State != provisioner.MachineRunning {
			t.Fatalf("a started node is %+v", state())
		}
		return state().StartID
	}
	first := start()
	if err := syscall.Kill(machine(t, s.Folder()), syscall.SIGSEGV); err != nil {
		t.Fatal(err)
	}
	waittest.Until(t, "the crash is seen", func() bool { return state().State == provisioner.MachineCrashed })
	if start() == first {
		t.Error("two starts have one identity")
	}
	if err := d.DeleteImage(t.Context(), "empty"); !errors.As(err, &refused) {
		t.Errorf("delete an image under a disk: %v", err)
	}
	if err := d.DeleteNode(t.Context(), n.ID, true); err != nil {
		t.Fatal(err)
	}
	if err := d.DeleteImage(t.Context(), "empty"); err != nil {
		t.Error(err)
	}
	if _, err := os.Stat(base); err != nil {
		t.Errorf("a file that was lent is gone: %v", err)
	}
	if left, _ := os.ReadDir(s.Folder()); len(left) > 0 {
		t.Errorf("of a deleted node is left %v", left)
	}
}

// machine is the process whose command line names a folder.
func machine(t *testing.T, folder string) int {
	t.Helper()
	all, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range all {
		if line, _ := os.ReadFile(path); bytes.Contains(line, []byte(folder)) && bytes.Contains(line, []byte("-nodefaults")) {
			pid, err := strconv.Atoi(strings.Split(path, "/")[2])
			if err != nil {
				t.Fatal(err)
			}
			return pid
		}
	}
	t.Fatal("no machine runs")
	return 0
}
