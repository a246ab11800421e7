package domainxml_test

import (
	"flag"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/provisioner/domainxml"
)

var update = flag.Bool("update", false, "write the goldens anew")

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got+"\n"), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got+"\n" != string(want) {
		t.Errorf("%s differs; run with -update and look at the change. Got\n%s", file, got)
	}
}

func node() provisioner.NodeSpec {
	return provisioner.NodeSpec{
		ID: uuid.MustParse("0192f0c1-0000-7000-8000-00000000000a"), ClusterID: uuid.MustParse("0192f0c1-0000-7000-8000-000000000001"),
		Name: "compute-001", Shape: provisioner.Shape{VCPUs: 2, MemoryMiB: 512, DiskGiB: 10}, Acceleration: provisioner.AccelerationTCG,
		MachineType: "pc-q35-7.2", ImageDigest: strings.Repeat("ab", 32), VNI: 7, MAC: net.HardwareAddr{0x52, 0x54, 0, 7, 0, 11},
	}
}

func network() provisioner.Network {
	mac := func(last byte) net.HardwareAddr { return net.HardwareAddr{0x52, 0x54, 0, 7, 0, last} }
	return provisioner.Network{
		ClusterID: uuid.MustParse("0192f0c1-0000-7000-8000-000000000001"), VNI: 7, Subnet: netip.MustParsePrefix("10.200.7.0/24"),
		Gateway: netip.MustParseAddr("10.200.7.1"), GatewayMAC: mac(1), Domain: "trial-1.volary", MTU: 1450, Generation: 3,
		Underlay: netip.MustParseAddr("10.77.1.11"), Peers: []netip.Addr{netip.MustParseAddr("10.77.1.12")},
		Entries: []provisioner.NetworkEntry{
			{Name: "head", MAC: mac(10), IP: netip.MustParseAddr("10.200.7.10")},
			{Name: "compute-001", MAC: mac(11), IP: netip.MustParseAddr("10.200.7.11")},
		},
		Masquerade: true, Forbidden: []netip.Prefix{netip.MustParsePrefix("10.77.1.0/24"), netip.MustParsePrefix("10.200.0.0/16")},
		Published: []provisioner.PublishedPort{{HostPort: 22107, Guest: netip.MustParseAddr("10.200.7.10"), GuestPort: 22}},
	}
}

func TestNodeGolden(t *testing.T) {
	kvm := node()
	kvm.Acceleration, kvm.CPU = provisioner.AccelerationKVM, "Skylake-Server"
	uefi := node()
	uefi.Firmware = provisioner.FirmwareUEFI
	both := node()
	both.Firmware = provisioner.FirmwareBoth
	for _, c := range []struct {
		file string
		spec provisioner.NodeSpec
	}{{"node-tcg.xml", node()}, {"node-kvm.xml", kvm}, {"node-uefi.xml", uefi}, {"node-tcg.xml", both}} {
		got, err := domainxml.Node(c.spec, domainxml.TypeOf(c.spec.Acceleration), "5f1c9a0e", "/var/lib/libvirt/volary/images/base-abab")
		if err != nil {
			t.Fatal(err)
		}
		golden(t, c.file, got)
	}
	none := node()
	none.Shape.VCPUs = 0
	if _, err := domainxml.Node(none, domainxml.VirtQEMU, "x", "/b"); err == nil {
		t.Error("a node without processors was described")
	}
}

func TestNetworkGolden(t *testing.T) {
	sealed := network()
	sealed.Sealed = true
	for _, c := range []struct {
		file string
		net  provisioner.Network
	}{{"network.xml", network()}, {"network-sealed.xml", sealed}} {
		got, err := domainxml.Network(c.net, "5f1c9a0e")
		if err != nil {
			t.Fatal(err)
		}
		golden(t, c.file, got)
	}
	off := network()
	off.Gateway = netip.MustParseAddr("10.201.0.1")
	if _, err := domainxml.Network(off, "x"); err == nil {
		t.Error("a gateway outside of the subnet was described")
	}
}

func TestChanges(t *testing.T) {
	current, err := domainxml.Network(network(), "5f1c9a0e")
	if err != nil {
		t.Fatal(err)
	}
	if g, settled := domainxml.Settled(current, network()); !settled || g != "generation-3-5f1c9a0e" {
		t.Errorf("the network as it was made is settled: %v, %q", settled, g)
	}
	next := network()
	next.Generation = 4
	if _, settled := domainxml.Settled(current, next); settled {
		t.Error("a newer generation is settled")
	}
	next.Peers = append(next.Peers[:0:0], netip.MustParseAddr("10.77.1.13"))
	next.Published = nil
	next.Entries = append(next.Entries[:1:1], provisioner.NetworkEntry{
		Name: "compute-002", MAC: next.Entries[1].MAC, IP: next.Entries[1].IP,
	})
	if _, settled := domainxml.Settled(current, next); settled {
		t.Error("another network is settled")
	}
	changes, err := domainxml.Changes(current, next, "00c0ffee")
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, c := range changes {
		verb := "add "
		if c.Delete {
			verb = "delete "
		}
		lines = append(lines, verb+strings.Join(strings.Fields(c.XML), " "))
	}
	golden(t, "changes.txt", strings.Join(lines, "\n"))
	next.Subnet, next.Gateway = netip.MustParsePrefix("10.200.8.0/24"), netip.MustParseAddr("10.200.8.1")
	if _, err := domainxml.Changes(current, next, "x"); err == nil {
		t.Error("a running network's subnet was changed")
	}
}

func TestNames(t *testing.T) {
	id := node().ID
	name := domainxml.DomainName(id, "5f1c9a0e")
	if got, nonce, ok := domainxml.ParseDomainName(name); !ok || got != id || nonce != "5f1c9a0e" {
		t.Errorf("%s is %s, %q, %v", name, got, nonce, ok)
	}
	for _, foreign := range []string{"", "debian12", "volary-", "volary-not-a-uuid-at-all-but-long-enough-to-be"} {
		if _, _, ok := domainxml.ParseDomainName(foreign); ok {
			t.Errorf("%q is taken for ours", foreign)
		}
	}
	for name, want := range map[string]bool{"volary-7": true, "volary-16777215": true, "volary-07": false, "volary-probe": false, "default": false, "volary-7x": false} {
		if vni, ok := domainxml.VNIOf(name); ok != want {
			t.Errorf("%q: %d, %v; want %v", name, vni, ok, want)
		}
	}
}

func TestStorageGolden(t *testing.T) {
	pool, err := domainxml.Pool(domainxml.ImagePool, domainxml.ImageDir)
	if err != nil {
		t.Fatal(err)
	}
	overlay, err := domainxml.Overlay("node-1", "/pool/base-ab", 10)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := domainxml.RawVolume("base-ab", 4096)
	if err != nil {
		t.Fatal(err)
	}
	golden(t, "storage.xml", strings.Join([]string{pool, overlay, raw}, "\n"))
	if backing, err := domainxml.BackingOf(overlay); err != nil || backing != "/pool/base-ab" {
		t.Errorf("the overlay stands on %q, %v", backing, err)
	}
	if backing, err := domainxml.BackingOf(raw); err != nil || backing != "" {
		t.Errorf("a raw volume stands on %q, %v", backing, err)
	}
}

// TestVolumesOfImages tells the volumes of images from disks, seeds and what someone else put into the pool.
func TestVolumesOfImages(t *testing.T) {
	digest := strings.Repeat("0f", 32)
	if got, ok := domainxml.BaseDigest(domainxml.BaseVolume(digest)); !ok || got != digest {
		t.Errorf("BaseDigest: %q, %t", got, ok)
	}
	if got, ok := domainxml.MarkerDigest(domainxml.MarkerVolume(digest)); !ok || got != digest {
		t.Errorf("MarkerDigest: %q, %t", got, ok)
	}
	id := uuid.MustParse("01a20434-25ed-74a2-a669-4c09d5869602")
	for _, name := range []string{
		domainxml.OverlayVolume(id), domainxml.SeedVolume(id), digest, "base-" + digest[1:], "base-" + strings.ToUpper(digest), "notes.ok", "base-../" + digest[3:],
	} {
		if _, ok := domainxml.BaseDigest(name); ok {
			t.Errorf("%q is taken for an image", name)
		}
		if _, ok := domainxml.MarkerDigest(name); ok {
			t.Errorf("%q is taken for a marker", name)
		}
	}
	if _, ok := domainxml.BaseDigest(domainxml.MarkerVolume(digest)); ok {
		t.Error("a marker is taken for an image")
	}
}

func TestVarsOf(t *testing.T) {
	spec := node()
	for firmware, want := range map[provisioner.Firmware]string{
		provisioner.FirmwareBIOS: "", provisioner.FirmwareBoth: "", provisioner.FirmwareUEFI: "/var/lib/libvirt/qemu/nvram/volary-" + spec.ID.String() + ".fd",
	} {
		spec.Firmware = firmware
		text, err := domainxml.Node(spec, domainxml.VirtQEMU, "5f1c9a0e", "/b")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := domainxml.VarsOf(text); got != want || err != nil {
			t.Errorf("%s: %q, %v", firmware, got, err)
		}
	}
}

func TestOffersUEFI(t *testing.T) {
	caps := func(firmware, secure string) string {
		return "<domainCapabilities><os supported='yes'><enum name='firmware'>" + firmware + "</enum><loader supported='yes'><value>/usr/share/OVMF/OVMF_CODE_4M.fd</value>" +
			"<enum name='type'><value>rom</value><value>pflash</value></enum><enum name='secure'>" + secure + "</enum></loader></os></domainCapabilities>"
	}
	for text, want := range map[string]bool{
		caps("<value>efi</value>", "<value>yes</value><value>no</value>"): true, caps("<value>bios</value><value>efi</value>", "<value>no</value>"): true,
		caps("", "<value>no</value>"): false, caps("<value>efi</value>", "<value>yes</value>"): false, "<domainCapabilities/>": false,
	} {
		if got, err := domainxml.OffersUEFI(text); got != want || err != nil {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	if _, err := domainxml.OffersUEFI("no XML"); err == nil {
		t.Error("what is no XML was read")
	}
}
