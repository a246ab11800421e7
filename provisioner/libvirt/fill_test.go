//go:build libvirt

package libvirt

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/provisioner/cloudinit"
	"volary.dev/provisioner/drivertest"
	"volary.dev/provisioner/nethook"
	"volary.dev/provisioner/waittest"
)

// A guest that writes three times the cap leaves no more than the cap on its host. Where virtlogd keeps more than its
// configuration says now, as one does that was not started anew, the two numbers of the driver tell.
func TestAConsoleKeepsNoMoreThanItsCap(t *testing.T) {
	s := newSite(t, 1)
	d := s.drivers[0]
	first, kept := s.filled(t, d, 421)
	if kept > first || kept < first/2 {
		t.Errorf("%d bytes are kept where the cap is %d", kept, first)
	}
	const conf = "/etc/libvirt/virtlogd.conf"
	if out, err := s.lab.Run(t.Context(), 0, "sh", "-c", "printf 'max_size = 65536\\nmax_backups = 1\\n' > "+conf); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if said, kept := s.filled(t, d, 422); said != 128<<10 || kept <= said {
		t.Errorf("%d bytes are kept where the cap is said to be %d: that cannot be told from a host that keeps to it", kept, said)
	}
	if out, err := s.lab.Run(t.Context(), 0, "sh", "-c", "rm "+conf+" && mkdir "+conf); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if facts, err := d.Facts(t.Context()); err != nil || facts.ConsoleCap != provisioner.UnknownConsoleCap {
		t.Errorf("a configuration that cannot be read: %+v, %v", facts, err)
	}
	nothingLeft(t, s)
}

// filled has a guest write three times what the host says that it keeps of a console, and gives that and what is kept.
func (s *site) filled(t *testing.T, d provisioner.Driver, vni uint32) (said, kept int64) {
	t.Helper()
	facts, err := d.Facts(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	const nonce = "filling-1"
	network := drivertest.Network(vni, s.lab.Hosts()[0].Underlay)
	n := provisioner.NodeSpec{
		ID: uuid.Must(uuid.NewV7()), ClusterID: network.ClusterID, Name: "head", MAC: network.Entries[0].MAC, ImageDigest: s.digest, VNI: vni,
		Shape: provisioner.Shape{VCPUs: 1, MemoryMiB: 128, DiskGiB: 2}, Acceleration: provisioner.AccelerationTCG,
	}
	n.Seed, err = cloudinit.Seed{
		InstanceID: n.ID.String(), Hostname: n.Name, Domain: network.Domain, Role: provisioner.RoleHead, Nodes: network.Entries,
		Check: &cloudinit.Check{Nonce: nonce, Fill: 3 * facts.ConsoleCap},
	}.Build()
	if err != nil {
		t.Fatal(err)
	}
	if err := d.EnsureNetwork(t.Context(), network); err != nil {
		t.Fatal(err)
	}
	if err := d.EnsureNode(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	query := provisioner.ConsoleQuery{Node: n.ID, Find: []string{provisioner.GuestCheckPrefix + " " + nonce + " filled"}}
	tick := time.NewTicker(500 * time.Millisecond)
	defer tick.Stop()
	for began := time.Now(); ; <-tick.C {
		texts, err := d.Consoles(t.Context(), []provisioner.ConsoleQuery{query})
		if err != nil {
			t.Fatal(err)
		}
		kept, query.After = texts[0].Kept, texts[0].Next
		if len(texts[0].Lines) > 0 {
			t.Logf("%d bytes were written within %v, %d are kept in %s", 3*facts.ConsoleCap, time.Since(began), kept, nethook.ConsoleDir)
			break
		}
		if time.Since(began) > waittest.Limit {
			t.Fatalf("the guest did not fill its console within %v: %d bytes are kept", waittest.Limit, kept)
		}
	}
	if err := d.DeleteNode(t.Context(), n.ID, false); err != nil {
		t.Error(err)
	}
	if err := d.DeleteNetwork(t.Context(), vni); err != nil {
		t.Error(err)
	}
	return facts.ConsoleCap, kept
}
