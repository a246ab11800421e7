package qemu_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"volary.dev/provisioner"
	"volary.dev/provisioner/cloudinit"
	"volary.dev/provisioner/drivertest"
	"volary.dev/provisioner/lab/sample"
	"volary.dev/provisioner/qemu"
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
