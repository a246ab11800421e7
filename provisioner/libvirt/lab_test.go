//go:build libvirt

package libvirt

import (
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"volary.dev/provisioner"
	"volary.dev/provisioner/cloudinit"
	"volary.dev/provisioner/drivertest"
	"volary.dev/provisioner/hostline"
	"volary.dev/provisioner/lab"
	"volary.dev/provisioner/lab/sample"
)

// oneCall bounds a call to a host that may be cut off: it is made again, and a late answer costs nothing.
const oneCall = 5 * time.Second

// startLab starts hosts whose network hook is this binary.
func startLab(t *testing.T, hosts int) *lab.Lab {
	t.Helper()
	if testing.Short() {
		t.Skip("needs lab hosts")
	}
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	l, err := lab.Start(t.Context(), lab.Config{Dir: t.TempDir(), Hosts: hosts, HookBinary: self})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.Stop)
	return l
}

// dialHost reaches a host as the worker does: by a process of its own.
func dialHost(t *testing.T, h lab.Host) provisioner.Driver {
	t.Helper()
	return dialAddress(t, Options{AllowTCP: true}, h.Address)
}

func dialAddress(t *testing.T, o Options, a provisioner.HostAddress) provisioner.Driver {
	t.Helper()
	d, err := hostline.Dial(hostline.Options{
		Command:  func() *exec.Cmd { return exec.Command("/proc/self/exe", "host-line") },
		Settings: o,
	})(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// sampleDir keeps built images between test runs, within the checkout.
func sampleDir(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../.volary/sample")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

func sampleImage(t *testing.T) []byte {
	t.Helper()
	file, err := sample.Build(t.Context(), sampleDir(t), func(s string) { t.Log(s) })
	if err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func seedOf(t *testing.T, n provisioner.NodeSpec, domain string, nodes []provisioner.NetworkEntry, userData string, keys ...string) []byte {
	t.Helper()
	role := provisioner.RoleCompute
	if n.Name == "head" {
		role = provisioner.RoleHead
	}
	b, err := cloudinit.Seed{InstanceID: n.ID.String(), Hostname: n.Name, Domain: domain, Role: role, Nodes: nodes, UserData: userData, SSHKeys: keys}.Build()
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestLabDriver runs the contract over a real host.
func TestLabDriver(t *testing.T) {
	l := startLab(t, 1)
	host := l.Hosts()[0]
	key, line := drivertest.NewKey(t)
	drivertest.Exercise(t, drivertest.Bench{
		Dial:  func(t *testing.T) provisioner.Driver { return dialHost(t, host) },
		Image: sampleImage(t),
		Seed: func(t *testing.T, n provisioner.NodeSpec) []byte {
			return seedOf(t, n, "drivertest.volary", drivertest.Network(n.VNI, netip.Addr{}).Entries, "", line)
		},
		PrivateKey: key,
		ReadyText:  "volary: ready", Prompt: "login: ", Login: "root",
		Underlay: host.Underlay,
	})
}
