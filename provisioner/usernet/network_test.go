package usernet

import (
	"bytes"
	"errors"
	"io"
	"net"
	"net/netip"
	"runtime"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/miekg/dns"

	"volary.dev/provisioner"
	"volary.dev/provisioner/waittest"
)

// TestNothingOutsideAnswers sends packets to the machine's loopback, to its own network and to the world, and sees that nobody hears them.
func TestNothingOutsideAnswers(t *testing.T) {
	n := network(t)
	g := plugIn(t, n, 0)
	g.introduce()
	var targets []netip.AddrPort
	for _, host := range own(t) {
		l, err := net.Listen("tcp4", netip.AddrPortFrom(host, 0).String())
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		go func() {
			if c, err := l.Accept(); err == nil {
				t.Errorf("a guest reached %s", c.LocalAddr())
				c.Close()
			}
		}()
		targets = append(targets, netip.MustParseAddrPort(l.Addr().String()))
	}
	for _, a := range []string{"192.168.1.1:80", "10.0.0.1:22", "169.254.169.254:80", "8.8.8.8:53", "10.128.0.200:22", "255.255.255.255:22", "0.0.0.0:22"} {
		targets = append(targets, netip.MustParseAddrPort(a))
	}
	for _, to := range targets {
		g.to(to.Addr(), 6, syn(netip.AddrPortFrom(g.ip, 40001), to))
		g.to(to.Addr(), protoUDP, udpOf(40001, to.Port(), []byte("anybody?")))
		g.to(to.Addr(), 1, echo())
	}
	// The gateway takes frames in their order: what answers now would have answered before.
	g.to(spec().Gateway, 1, echo())
	f := g.receive("the gateway's echo")
	if from := address(f[etherHead+12:]); f[etherHead+9] != 1 || from != spec().Gateway || f[etherHead+ipHead] != 0 {
		t.Errorf("somebody answered: %s with protocol %d: %x", from, f[etherHead+9], f)
	}
	for _, name := range []string{"example.com.", "localhost.localdomain.", "1.0.0.127.in-addr.arpa.", "8.8.8.8.in-addr.arpa."} {
		if a := g.asks(name, dns.TypeA); a.Rcode != dns.RcodeRefused || len(a.Answer) > 0 {
			t.Errorf("%s: %s", name, a)
		}
	}
	if a := g.asks("localhost.", dns.TypeA); a.Rcode != dns.RcodeNameError {
		t.Errorf("localhost: %s", a)
	}
}

// own are the machine's addresses, the loopback's first.
func own(t *testing.T) (all []netip.Addr) {
	t.Helper()
	found, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range found {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() {
			all = append(all, p.Addr())
		}
	}
	if len(all) == 0 {
		t.Fatal("the machine has no address, not even its loopback's")
	}
	return all
}

func TestDHCP(t *testing.T) {
	n := network(t)
	g := plugIn(t, n, 1)
	offer := g.lease(dhcpv4.MessageTypeDiscover)
	if len(n.Addresses()) > 0 {
		t.Errorf("an offer counts as an address: %v", n.Addresses())
	}
	ack := g.lease(dhcpv4.MessageTypeRequest, dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(offer.YourIPAddr)))
	mtu, _ := dhcpv4.GetUint16(dhcpv4.OptionInterfaceMTU, ack.Options)
	switch {
	case offer.MessageType() != dhcpv4.MessageTypeOffer || ack.MessageType() != dhcpv4.MessageTypeAck || !ack.YourIPAddr.Equal(net.IP(g.ip.AsSlice())):
		t.Errorf("offered %s, given %s", offer.Summary(), ack.Summary())
	case ack.HostName() != "compute-001" || ack.DomainName() != "trial.volary" || mtu != 1450 || ack.IPAddressLeaseTime(0) != leaseTime:
		t.Errorf("given %s", ack.Summary())
	case len(ack.DNS()) != 1 || len(ack.Router()) != 1 || ack.DNS()[0].String() != "10.128.0.1" || ack.Router()[0].String() != "10.128.0.1" || ack.SubnetMask().String() != "ffffff00":
		t.Errorf("given %s", ack.Summary())
	}
	if a := n.Addresses(); len(a) != 1 || a["02:00:00:01:00:0b"] != g.ip {
		t.Errorf("addresses %v", a)
	}
	if nak := g.lease(dhcpv4.MessageTypeRequest, dhcpv4.WithOption(dhcpv4.OptRequestedIPAddress(net.IPv4(10, 128, 0, 99)))); nak.MessageType() != dhcpv4.MessageTypeNak {
		t.Errorf("another's address: %s", nak.Summary())
	}
	plugIn(t, n, 1) // another start of the machine
	if a := n.Addresses(); len(a) != 0 {
		t.Errorf("after the guest was plugged in anew: %v", a)
	}
}

func TestDNS(t *testing.T) {
	g := plugIn(t, network(t), 0)
	g.introduce()
	for _, name := range []string{"head.", "HEAD.trial.VOLARY.", "head.trial.volary."} {
		a := g.asks(name, dns.TypeA)
		if len(a.Answer) != 1 || a.Answer[0].(*dns.A).A.String() != "10.128.0.10" {
			t.Errorf("%s: %s", name, a)
		}
	}
	if a := g.asks("11.0.128.10.in-addr.arpa.", dns.TypePTR); len(a.Answer) != 1 || a.Answer[0].(*dns.PTR).Ptr != "compute-001.trial.volary." {
		t.Errorf("an address's name: %s", a)
	}
	if a := g.asks("head.", dns.TypeAAAA); a.Rcode != dns.RcodeSuccess || len(a.Answer) != 0 {
		t.Errorf("IPv6: %s", a)
	}
	if a := g.asks("compute-002.trial.volary.", dns.TypeA); a.Rcode != dns.RcodeNameError {
		t.Errorf("a name of nobody: %s", a)
	}
}

// TestGuard sends what a host's bridge drops, and sees that the neighbour does not get it.
func TestGuard(t *testing.T) {
	n := network(t)
	g, other := plugIn(t, n, 0), plugIn(t, n, 1)
	stranger := net.HardwareAddr{2, 0, 0, 1, 0, 99}
	udp := udpOf(1, 2, []byte("hello"))
	spoofed := packet(netip.MustParseAddr("10.128.0.99"), other.ip, protoUDP, udp)
	options := packet(g.ip, other.ip, protoUDP, udp)
	options[0] = 0x46
	forMe := dhcpFor(t, other.mac)
	for name, f := range map[string][]byte{
		"nothing":                 {},
		"a runt":                  other.mac[:5],
		"half a head":             append(append([]byte(nil), other.mac...), g.mac...),
		"another's MAC":           ether(other.mac, stranger, typeIPv4, packet(g.ip, other.ip, protoUDP, udp)),
		"the gateway's MAC":       ether(other.mac, spec().GatewayMAC, typeIPv4, packet(g.ip, other.ip, protoUDP, udp)),
		"another's address":       ether(other.mac, g.mac, typeIPv4, spoofed),
		"IPv6":                    ether(other.mac, g.mac, 0x86dd, make([]byte, 60)),
		"a VLAN":                  ether(other.mac, g.mac, 0x8100, append([]byte{0, 1, 8, 0}, packet(g.ip, other.ip, protoUDP, udp)...)),
		"options":                 ether(other.mac, g.mac, typeIPv4, options),
		"IPv4 without a head":     ether(other.mac, g.mac, typeIPv4, []byte{0x45, 0}),
		"UDP without a head":      ether(other.mac, g.mac, typeIPv4, packet(g.ip, other.ip, protoUDP, []byte{0, 1})),
		"IGMP":                    ether(other.mac, g.mac, typeIPv4, packet(g.ip, other.ip, protoIGMP, make([]byte, 8))),
		"a DHCP server":           ether(other.mac, g.mac, typeIPv4, packet(g.ip, other.ip, protoUDP, udpOf(portServer, portAsker, nil))),
		"DHCP for another":        ether(everybody, g.mac, typeIPv4, packet(netip.IPv4Unspecified(), broadcast, protoUDP, udpOf(portAsker, portServer, forMe))),
		"ARP of another":          ether(everybody, g.mac, typeARP, g.arp(2, other.ip, g.ip)),
		"ARP of the gateway":      ether(everybody, g.mac, typeARP, g.arp(2, spec().Gateway, g.ip)),
		"ARP for outside":         ether(everybody, g.mac, typeARP, g.arp(1, g.ip, netip.MustParseAddr("192.168.1.1"))),
		"ARP that is cut":         ether(everybody, g.mac, typeARP, g.arp(1, g.ip, other.ip)[:20]),
		"a neighbour, around":     ether(spec().GatewayMAC, g.mac, typeIPv4, packet(g.ip, other.ip, protoUDP, udp)),
		"by an address of nobody": ether(other.mac, g.mac, typeIPv4, packet(netip.IPv4Unspecified(), other.ip, protoUDP, udp)),
	} {
		g.send(f)
		want := ether(other.mac, g.mac, typeIPv4, packet(g.ip, other.ip, protoUDP, udpOf(1, 2, []byte(name))))
		g.send(want)
		if got := other.receive("the frame after " + name); !bytes.Equal(got, want) {
			t.Errorf("%s: the neighbour got %x", name, got)
		}
	}
	group := net.HardwareAddr{1, 0, 0x5e, 0, 0, 5}
	for name, want := range map[string][]byte{
		"multicast": ether(group, g.mac, typeIPv4, packet(g.ip, netip.MustParseAddr("224.0.0.5"), 89, []byte("ospf"))),
		"broadcast": ether(everybody, g.mac, typeIPv4, packet(g.ip, netip.MustParseAddr("10.128.0.255"), protoUDP, udp)),
	} {
		g.send(want)
		if got := other.receive(name); !bytes.Equal(got, want) {
			t.Errorf("%s: the neighbour got %x", name, got)
		}
	}
	if a := n.Addresses(); len(a) > 0 {
		t.Errorf("a guest asked for another, which now has %v", a)
	}
}

func dhcpFor(t *testing.T, mac net.HardwareAddr) []byte {
	t.Helper()
	m, err := dhcpv4.New(dhcpv4.WithHwAddr(mac), dhcpv4.WithMessageType(dhcpv4.MessageTypeRequest))
	if err != nil {
		t.Fatal(err)
	}
	return m.ToBytes()
}

// TestAGuestThatDoesNotRead sees that others are served beside it, and that a frame of a length that none has ends its line alone.
func TestAGuestThatDoesNotRead(t *testing.T) {
	n := network(t)
	g := plugIn(t, n, 0)
	ours, theirs := net.Pipe()
	n.Attach(spec().Entries[1].MAC, theirs)
	to := spec().Entries[1]
	for range 3 * queued {
		g.send(ether(to.MAC, g.mac, typeIPv4, packet(g.ip, to.IP, protoUDP, udpOf(1, 2, make([]byte, 1000)))))
	}
	g.introduce()
	// What it wrote meanwhile is taken, too: its length is that of no frame.
	if _, err := ours.Write([]byte{255, 255, 255, 255}); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := io.Copy(io.Discard, ours)
		ended <- err
	}()
	waittest.Receive(t, "the end of the guest's line", ended)
	g.introduce()
}

func TestPublish(t *testing.T) {
	before := runtime.NumGoroutine()
	s := spec()
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.Published = []provisioner.PublishedPort{{HostPort: uint16(l.Addr().(*net.TCPAddr).Port), Guest: s.Entries[0].IP, GuestPort: 22}}
	if n, err := New(s); !errors.Is(err, ErrNetwork) {
		t.Errorf("a port that is taken: %v, %v", n, err)
	}
	l.Close()
	n, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	g := plugIn(t, n, 0)
	g.introduce()
	c, err := net.Dial("tcp4", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	f := g.receive("the beginning of a connection")
	if from := address(f[etherHead+12:]); from != s.Gateway || f[etherHead+9] != 6 || f[etherHead+ipHead+3] != 22 {
		t.Errorf("the guest got %x", f)
	}
	if r := n.Report(); r.By["published"] != 1 || r.Passed != 1 {
		t.Errorf("a visit is counted as %+v", r)
	}
	s.Published = nil
	if err := n.Change(s); err != nil {
		t.Fatal(err)
	}
	if c, err := net.Dial("tcp4", l.Addr().String()); err == nil {
		c.Close()
		t.Error("a port that is published no more is open")
	}
	n.Close()
	waittest.Until(t, "nothing works for the network any more", func() bool { return runtime.NumGoroutine() <= before+1 })
}

func TestNetworksThatAreRefused(t *testing.T) {
	n := network(t)
	for name, change := range map[string]func(*provisioner.Network){
		"a way out":            func(s *provisioner.Network) { s.Masquerade = true },
		"other hosts":          func(s *provisioner.Network) { s.Peers = []netip.Addr{s.Gateway} },
		"no gateway":           func(s *provisioner.Network) { s.Gateway = netip.Addr{} },
		"no MTU":               func(s *provisioner.Network) { s.MTU = 0 },
		"an address of others": func(s *provisioner.Network) { s.Entries[0].IP = netip.MustParseAddr("10.0.0.1") },
	} {
		s := spec()
		change(&s)
		if made, err := New(s); !errors.Is(err, ErrNetwork) {
			t.Errorf("%s: %v, %v", name, made, err)
		}
		if err := n.Change(s); !errors.Is(err, ErrNetwork) {
			t.Errorf("%s, later: %v", name, err)
		}
	}
	other := spec()
	other.Subnet, other.Gateway, other.Entries = netip.MustParsePrefix("10.129.0.0/24"), netip.MustParseAddr("10.129.0.1"), nil
	if err := n.Change(other); !errors.Is(err, ErrNetwork) {
		t.Errorf("another subnet: %v", err)
	}
}
