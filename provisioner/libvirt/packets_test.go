//go:build libvirt

package libvirt

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/provisioner/drivertest"
	"volary.dev/provisioner/lab"
	"volary.dev/provisioner/nethook"
	"volary.dev/provisioner/waittest"
)

// site is a lab with its drivers and one image on every host.
type site struct {
	lab     *lab.Lab
	drivers []provisioner.Driver
	digest  string
	lonely  map[int]provisioner.NodeSpec // guests of no cluster, by host
}

func newSite(t *testing.T, hosts int) *site {
	t.Helper()
	s := &site{lab: startLab(t, hosts)}
	image := sampleImage(t)
	sum := sha256.Sum256(image)
	s.digest = hex.EncodeToString(sum[:])
	open := func(context.Context) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(image)), nil }
	for _, h := range s.lab.Hosts() {
		d := dialHost(t, h)
		t.Cleanup(func() { d.Close() })
		if err := d.EnsureImage(t.Context(), s.digest, int64(len(image)), open); err != nil {
			t.Fatal(err)
		}
		s.drivers = append(s.drivers, d)
	}
	return s
}

// nc is netcat in the sample image; the bare name would be BusyBox's own, which knows no UDP.
const nc = "/usr/bin/nc"

// cluster is a head on the first host and a compute node on the second.
type cluster struct {
	site          *site
	network       provisioner.Network
	head, compute provisioner.NodeSpec
}

func (s *site) cluster(t *testing.T, vni uint32, change func(*provisioner.Network)) *cluster {
	t.Helper()
	c := &cluster{site: s, network: drivertest.Network(vni, netip.Addr{})}
	c.network.Domain = fmt.Sprintf("c%d.volary", vni)
	c.network.Forbidden = append(c.network.Forbidden, s.lab.Prefix())
	change(&c.network)
	node := func(i int) provisioner.NodeSpec {
		n := provisioner.NodeSpec{
			ID: uuid.Must(uuid.NewV7()), ClusterID: c.network.ClusterID, Name: c.network.Entries[i].Name, MAC: c.network.Entries[i].MAC,
			Shape: provisioner.Shape{VCPUs: 1, MemoryMiB: 128, DiskGiB: 2}, Acceleration: provisioner.AccelerationTCG,
			ImageDigest: s.digest, VNI: vni,
		}
		n.Seed = seedOf(t, n, c.network.Domain, c.network.Entries, "")
		return n
	}
	c.head, c.compute = node(0), node(1)
	c.ensureNetwork(t)
	for i, n := range []provisioner.NodeSpec{c.head, c.compute} {
		if err := s.drivers[i].EnsureNode(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func (c *cluster) ensureNetwork(t *testing.T) {
	t.Helper()
	hosts := c.site.lab.Hosts()
	for i := range 2 {
		n := c.network
		n.Underlay, n.Peers = hosts[i].Underlay, []netip.Addr{hosts[1-i].Underlay}
		n.Entries = slices.Clone(n.Entries)
		for j := range n.Entries {
			n.Entries[j].Host = hosts[j].Underlay
		}
		if i != 0 {
			n.Published = nil // a published port works on its guest's host
		}
		if err := c.site.drivers[i].EnsureNetwork(t.Context(), n); err != nil {
			t.Fatal(err)
		}
	}
}

func (c *cluster) headIP() netip.Addr { return c.network.Entries[0].IP }

// TestPackets proves from inside of guests who reaches whom: two open clusters and a sealed one, over two hosts.
func TestPackets(t *testing.T) {
	s := newSite(t, 2)
	outside := listenOutside(t, s.lab)
	open := func(n *provisioner.Network) { n.Masquerade = true }
	a := s.cluster(t, 301, open)
	b := s.cluster(t, 302, open)
	sealed := s.cluster(t, 303, func(n *provisioner.Network) { n.Sealed, n.Masquerade = true, true })
	victim := login(t, s.drivers[0], b.head)
	guest := login(t, s.drivers[1], a.compute)
	prisoner := login(t, s.drivers[1], sealed.compute)
	neighbour := login(t, s.drivers[1], b.compute)
	login(t, s.drivers[0], a.head)
	login(t, s.drivers[0], sealed.head)

	t.Run("within a cluster", func(t *testing.T) {
		for _, g := range []*shell{guest, prisoner} {
			g.can("reach the head by name", "ping -c 1 -W 5 head")
			g.can("reach the head by its full name", "ping -c 1 -W 5 head.$(sed -n 's/^search //p' /etc/resolv.conf)")
			g.can("ask the gateway for the head", "nslookup head.$(sed -n 's/^search //p' /etc/resolv.conf)")
			g.can("reach a port of the head", nc+" -z -w 5 head 22")
			g.can("ping its gateway", "ping -c 1 -W 5 "+gatewayOf(g, a, sealed))
		}
	})
	t.Run("not to another cluster, host or underlay", func(t *testing.T) {
		for _, g := range []*shell{guest, prisoner} {
			tries := map[string]string{
				"another cluster":         "ping -c 1 -W 2 " + b.headIP().String(),
				"libvirtd by the gateway": nc + " -z -w 2 " + gatewayOf(g, a, sealed) + " 16509",
			}
			for _, h := range append(addressesOf(s.lab), s.lab.Outside()) {
				tries["the underlay at "+h.String()] = "ping -c 1 -W 2 " + h.String()
				tries["libvirtd on "+h.String()] = nc + " -z -w 2 " + h.String() + " 16509"
			}
			g.reachesNone(tries)
		}
	})
	t.Run("no names of the host's", func(t *testing.T) { hostNames(t, s, guest, a) })
	t.Run("out", func(t *testing.T) {
		fetch := fmt.Sprintf(nc+" -w 5 %s %d </dev/null | grep outside", outside.Addr(), outside.Port())
		guest.can("reach the world by masquerading", fetch)
		prisoner.cannot("reach the world", fetch)
		prisoner.cannot("ask for names of the world", "nslookup example.org. "+sealed.network.Gateway.String())
	})
	t.Run("no VXLAN injection", func(t *testing.T) { injection(t, s, b, guest, prisoner, victim) })
	t.Run("no spoofing", func(t *testing.T) {
		before := counter(t, s.lab, 1, "bridge", 301, "spoofed")
		guest.run("ip address add 10.200.45.99/24 dev eth0")
		guest.cannot("use an address of nobody", "ping -c 1 -W 2 -I 10.200.45.99 "+a.headIP().String())
		if after := counter(t, s.lab, 1, "bridge", 301, "spoofed"); after == before {
			t.Error("spoofed frames were not counted")
		}
		guest.run("ping -6 -c 1 -W 1 ff02::1%eth0")
		if counter(t, s.lab, 1, "bridge", 301, "ipv6") == 0 {
			t.Error("IPv6 frames were not stopped")
		}
		if counter(t, s.lab, 1, "netdev", 301, "own_dhcp") == 0 {
			t.Error("the guest's question for an address left its host")
		}
	})
	t.Run("published port", func(t *testing.T) { published(t, s, a) })
	t.Run("walls", func(t *testing.T) { walls(t, s, a, b, guest, neighbour, outside) })
}

// hostNames asks the gateway for what it could know of its host: names of /etc/hosts, and what dnsmasq tells of itself.
func hostNames(t *testing.T, s *site, guest *shell, c *cluster) {
	gateway := c.network.Gateway
	if out, err := s.lab.Run(t.Context(), 1, "sh", "-c", "grep -w host-2 /etc/hosts && grep -w localhost /etc/hosts"); err != nil {
		t.Fatalf("the host's /etc/hosts names nobody, so that this proves nothing: %v: %s", err, out)
	}
	for _, name := range []string{"host-2", "localhost"} {
		for _, full := range []string{name + "." + c.network.Domain, name} {
			guest.cannot("learn where "+full+" is", fmt.Sprintf("nslookup -type=a %s. %s | sed 1,2d | grep Address", full, gateway))
		}
	}
	ask := func(name string, kind, class uint16) string {
		return fmt.Sprintf("printf '%s' | "+nc+" -u -w 2 %s 53 | od -An -tx1 | tr -d ' \\n'", escape(question(name, kind, class)), gateway)
	}
	const address, text, internet, chaos = 1, 16, 1, 3
	head := hex.EncodeToString(c.headIP().AsSlice())
	guest.can("get an answer with the head's address", ask("head."+c.network.Domain, address, internet)+" | grep "+head)
	for _, name := range []string{"version.bind", "servers.bind", "auth.bind", "hits.bind"} {
		// An answer's header says how many records it has in its bytes 6 and 7.
		guest.cannot("be told "+name, ask(name, text, chaos)+" | grep -Ev '^.{12}0000'")
	}
}

func gatewayOf(g *shell, a, sealed *cluster) string {
	if out, _ := g.run("hostname -f; cat /etc/resolv.conf"); strings.Contains(out, sealed.network.Domain) {
		return sealed.network.Gateway.String()
	}
	return a.network.Gateway.String()
}

// injection sends a VXLAN packet that carries a datagram for the victim: from a peer it arrives, which proves the packet
// good; from guests, by way of their gateway, it does not.
func injection(t *testing.T, s *site, b *cluster, guest, prisoner, victim *shell) {
	// Its input is a pipe that never says anything: at the terminal's it would be stopped by the next typed command.
	victim.run("mkfifo /tmp/quiet && (while true; do " + nc + " -u -l -p 9999 -w 1 <>/tmp/quiet >>/tmp/got; done) >/dev/null 2>&1 & true")
	target := s.lab.Hosts()[0].Underlay
	send := func(word string) string {
		return fmt.Sprintf("printf '%s' | "+nc+" -u -w 1 %s 4789", escape(vxlanPacket(b, word)), target)
	}
	for _, g := range []*shell{guest, prisoner} {
		for range 3 {
			g.run(send("from-a-guest"))
		}
	}
	if counter(t, s.lab, 1, "inet", 301, "vxlan") == 0 || counter(t, s.lab, 1, "inet", 303, "vxlan") == 0 {
		t.Error("VXLAN packets of guests were not stopped where they should be")
	}
	waittest.Until(t, "a peer's VXLAN packet, without which that of a guest proves nothing", func() bool {
		out, err := s.lab.Run(t.Context(), 1, "bash", "-c",
			fmt.Sprintf("echo %s | base64 -d >/dev/udp/%s/4789", base64.StdEncoding.EncodeToString(vxlanPacket(b, "from-a-peer")), target))
		if err != nil {
			t.Fatalf("send from a peer: %v: %s", err, out)
		}
		got, _ := victim.run("cat /tmp/got")
		if strings.Contains(got, "from-a-guest") {
			t.Fatal("a guest's VXLAN packet reached another cluster")
		}
		return strings.Contains(got, "from-a-peer")
	})
}

// vxlanPacket is the payload of a UDP packet to port 4789: a frame for the head of a cluster with a datagram to port 9999.
func vxlanPacket(c *cluster, word string) []byte {
	n := c.network
	body := word + "\n"
	udp := make([]byte, 8, 8+len(body))
	binary.BigEndian.PutUint16(udp[0:], 9999)
	binary.BigEndian.PutUint16(udp[2:], 9999)
	binary.BigEndian.PutUint16(udp[4:], uint16(8+len(body)))
	udp = append(udp, body...) // a checksum of zero means none
	from, to := n.Entries[1].IP.As4(), n.Entries[0].IP.As4()
	ip := []byte{0x45, 0, 0, 0, 0, 1, 0, 0, 64, 17, 0, 0}
	ip = append(append(ip, from[:]...), to[:]...)
	binary.BigEndian.PutUint16(ip[2:], uint16(20+len(udp)))
	var sum uint32
	for i := 0; i < 20; i += 2 {
		sum += uint32(binary.BigEndian.Uint16(ip[i:]))
	}
	binary.BigEndian.PutUint16(ip[10:], ^uint16(sum+sum>>16))
	p := []byte{0x08, 0, 0, 0, byte(n.VNI >> 16), byte(n.VNI >> 8), byte(n.VNI), 0}
	p = append(append(append(p, n.Entries[0].MAC...), n.Entries[1].MAC...), 0x08, 0x00)
	return append(append(p, ip...), udp...)
}

func escape(b []byte) string {
	var s strings.Builder
	for _, c := range b {
		fmt.Fprintf(&s, `\x%02x`, c)
	}
	return s.String()
}

// published opens a port as the portal does when a cluster is ready: by a newer generation of its network.
func published(t *testing.T, s *site, a *cluster) {
	address := net.JoinHostPort(s.lab.Hosts()[0].Underlay.String(), "22301")
	if c, err := net.DialTimeout("tcp", address, 2*time.Second); err == nil {
		c.Close()
		t.Error("the port is open before it is published")
	}
	a.network.Generation++
	a.network.Published = []provisioner.PublishedPort{{HostPort: 22301, Guest: a.headIP(), GuestPort: 22}}
	a.ensureNetwork(t)
	c, err := net.DialTimeout("tcp", address, 10*time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(waittest.Limit))
	banner := make([]byte, 4)
	if _, err := io.ReadFull(c, banner); err != nil || string(banner) != "SSH-" {
		t.Errorf("the published port answers %q, %v", banner, err)
	}
	a.network.Generation++
	a.network.Published = nil
	a.ensureNetwork(t)
	if c, err := net.DialTimeout("tcp", address, 2*time.Second); err == nil {
		c.Close()
		t.Error("the port is open after it was withdrawn")
	}
}

func addressesOf(l *lab.Lab) []netip.Addr {
	var all []netip.Addr
	for _, h := range l.Hosts() {
		all = append(all, h.Underlay)
	}
	return all
}

// listenOutside answers "outside" at an address of the world: one of those kept for documentation, on this machine's end
// of the underlay.
func listenOutside(t *testing.T, l *lab.Lab) netip.AddrPort {
	t.Helper()
	world := netip.AddrFrom4([4]byte{198, 51, 100, l.Prefix().Addr().As4()[2]})
	out, err := exec.Command("sh", "-c", fmt.Sprintf("ip address add %s/32 dev $(ip -o -4 address show | awk '$4 == \"%s/24\" {print $2}')", world, l.Outside())).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	listener, err := net.Listen("tcp", netip.AddrPortFrom(world, 0).String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(c, "outside\n")
			c.Close()
		}
	}()
	return listener.Addr().(*net.TCPAddr).AddrPort()
}

// counter reads a counter of a cluster's tables as it stands on a host.
func counter(t *testing.T, l *lab.Lab, host int, family string, vni uint32, name string) uint64 {
	t.Helper()
	return tableCounter(t, l, host, family, nethook.BridgeName(vni), name)
}
