//go:build libvirt

package libvirt

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"strings"
	"testing"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/provisioner/drivertest"
	"volary.dev/provisioner/lab/sample"
	"volary.dev/provisioner/nethook"
	"volary.dev/provisioner/waittest"
)

// TestUEFI takes a disk that only UEFI starts through a node's life: its variables are new with its disk, stay as long as that, lie
// where nothing of libvirt's looks into them, and are gone with it, also where libvirt has forgotten the node.
func TestUEFI(t *testing.T) {
	s := newSite(t, 1)
	d, host := s.drivers[0], s.lab.Hosts()[0]
	if facts, err := d.Facts(t.Context()); err != nil || !facts.UEFI {
		t.Fatalf("facts %+v, %v; the host has OVMF", facts, err)
	}
	network := drivertest.Network(431, host.Underlay)
	n := provisioner.NodeSpec{
		ID: uuid.Must(uuid.NewV7()), ClusterID: network.ClusterID, Name: "head", MAC: network.Entries[0].MAC, ImageDigest: s.uefiImage(t, d), VNI: network.VNI,
		Shape: provisioner.Shape{VCPUs: 1, MemoryMiB: 256, DiskGiB: 2}, Acceleration: provisioner.AccelerationTCG, Firmware: provisioner.FirmwareUEFI,
	}
	n.Seed = seedOf(t, n, network.Domain, network.Entries, "")
	vars := nethook.VarsFile(n.ID)
	on := func(command string) string {
		t.Helper()
		out, err := s.lab.Run(t.Context(), 0, "sh", "-c", command)
		if err != nil {
			t.Errorf("%s: %v: %s", command, err, out)
		}
		return strings.TrimSpace(string(out))
	}
	on("echo what another node left >" + vars)
	if err := d.EnsureNetwork(t.Context(), network); err != nil {
		t.Fatal(err)
	}
	if err := d.EnsureNode(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	waittest.Until(t, n.Name+" to be ready", func() bool {
		texts, err := d.Consoles(t.Context(), []provisioner.ConsoleQuery{{Node: n.ID, Find: []string{"volary: ready"}}})
		return err == nil && len(texts[0].Lines) > 0
	})
	login(t, d, n).can("be started by UEFI", "[ -d /sys/firmware/efi ]")
	if size := on("stat -c %s " + vars); size != on("stat -c %s /usr/share/OVMF/OVMF_VARS_4M.fd") {
		t.Errorf("the variables have %s bytes", size)
	}
	if inPool := on("for p in $(virsh -q pool-list --name); do virsh -q vol-list $p; done | grep -F " + n.ID.String()); strings.Contains(inPool, ".fd") || !strings.Contains(inPool, "node-") {
		t.Errorf("the pools list %s", inPool)
	}

	// Off and on again: the same file.
	first := on("stat -c %i " + vars)
	if err := d.StopNode(t.Context(), n.ID, true); err != nil {
		t.Fatal(err)
	}
	if err := d.EnsureNode(t.Context(), n); err != nil {
		t.Fatal(err)
	}
	if again := on("stat -c %i " + vars); again != first {
		t.Errorf("the variables of its second start are another file: %s, %s", first, again)
	}
	deleteWiped(t, d, n.ID)

	// The host's libvirt has forgotten the node, and the file is there.
	on("echo what a node left >" + vars)
	if err := d.DeleteNode(t.Context(), n.ID, false); err != nil {
		t.Error(err)
	}
	uefiLacks(t, s, n)
	if err := d.DeleteNetwork(t.Context(), network.VNI); err != nil {
		t.Error(err)
	}
	nothingLeft(t, s)
}

// uefiImage puts the sample image that only UEFI starts on the host.
func (s *site) uefiImage(t *testing.T, d provisioner.Driver) string {
	t.Helper()
	file, err := sample.BuildUEFI(t.Context(), sampleDir(t), func(s string) { t.Log(s) })
	if err != nil {
		t.Fatal(err)
	}
	image, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	sum := sha256.Sum256(image)
	digest := hex.EncodeToString(sum[:])
	open := func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(image)), nil }
	if err := d.EnsureImage(t.Context(), digest, int64(len(image)), open); err != nil {
		t.Fatal(err)
	}
	return digest
}

// uefiLacks takes the host's firmware away: it says so, and a start is refused in words.
func uefiLacks(t *testing.T, s *site, n provisioner.NodeSpec) {
	t.Helper()
	if out, err := s.lab.Run(t.Context(), 0, "mount", "-t", "tmpfs", "none", "/usr/share/qemu/firmware"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	d := s.drivers[0]
	if facts, err := d.Facts(t.Context()); err != nil || facts.UEFI {
		t.Errorf("without firmware: %+v, %v", facts, err)
	}
	n.ID = uuid.Must(uuid.NewV7())
	err := d.EnsureNode(t.Context(), n)
	var refused *provisioner.HostError
	if !errors.As(err, &refused) || !strings.Contains(refused.Detail, "firmware") {
		t.Errorf("a start without firmware: %v", err)
	}
	if err := d.DeleteNode(t.Context(), n.ID, false); err != nil {
		t.Error(err)
	}
}
