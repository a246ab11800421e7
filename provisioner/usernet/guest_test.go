package usernet

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"testing"

	"github.com/insomniacslk/dhcp/dhcpv4"
	"github.com/miekg/dns"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"gvisor.dev/gvisor/pkg/tcpip/header"

	"volary.dev/provisioner"
	"volary.dev/provisioner/waittest"
)

// spec is a network of two nodes.
func spec() provisioner.Network {
	entry := func(name string, last byte) provisioner.NetworkEntry {
		return provisioner.NetworkEntry{Name: name, MAC: net.HardwareAddr{2, 0, 0, 1, 0, last}, IP: netip.AddrFrom4([4]byte{10, 128, 0, last})}
	}
	return provisioner.Network{
		VNI: 1, Subnet: netip.MustParsePrefix("10.128.0.0/24"), Gateway: netip.MustParseAddr("10.128.0.1"), GatewayMAC: net.HardwareAddr{2, 'v', 'o', 0, 0, 1},
		Domain: "trial.volary", MTU: 1450, Sealed: true, Entries: []provisioner.NetworkEntry{entry("head", 10), entry("compute-001", 11)},
	}
}

func network(t *testing.T) *Network {
	t.Helper()
	n, err := New(spec())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(n.Close)
	return n
}

// guest is a machine of which only the network card is there.
type guest struct {
	t      *testing.T
	line   net.Conn
	mac    net.HardwareAddr
	ip     netip.Addr
	frames chan []byte
}

func plugIn(t *testing.T, n *Network, entry int) *guest {
	t.Helper()
	e := spec().Entries[entry]
	ours, theirs := net.Pipe()
	g := &guest{t: t, line: ours, mac: e.MAC, ip: e.IP, frames: make(chan []byte, 4096)}
	n.Attach(e.MAC, theirs)
	go func() {
		defer close(g.frames)
		var head [4]byte
		for {
			if _, err := io.ReadFull(ours, head[:]); err != nil {
				return
			}
			f := make([]byte, binary.BigEndian.Uint32(head[:]))
			if _, err := io.ReadFull(ours, f); err != nil {
				return
			}
			g.frames <- f
		}
	}()
	return g
}

func (g *guest) send(frame []byte) {
	g.t.Helper()
	if _, err := g.line.Write(append(binary.BigEndian.AppendUint32(nil, uint32(len(frame))), frame...)); err != nil {
		g.t.Fatal(err)
	}
}

func (g *guest) receive(what string) []byte {
	g.t.Helper()
	f, _ := waittest.Receive(g.t, what, g.frames)
	return f
}

func ether(to, from net.HardwareAddr, kind uint16, payload []byte) []byte {
	return append(binary.BigEndian.AppendUint16(append(append([]byte(nil), to...), from...), kind), payload...)
}

func (g *guest) arp(operation uint16, sender netip.Addr, target netip.Addr) []byte {
	b := binary.BigEndian.AppendUint16([]byte{0, 1, 8, 0, 6, 4}, operation)
	b = append(append(append(b, g.mac...), sender.AsSlice()...), make([]byte, 6)...)
	return append(b, target.AsSlice()...)
}

// packet is an IPv4 packet with right checksums.
func packet(from, to netip.Addr, protocol byte, payload []byte) []byte {
	b := make([]byte, ipHead, ipHead+len(payload))
	h := header.IPv4(b)
	h.Encode(&header.IPv4Fields{
		TotalLength: uint16(ipHead + len(payload)), TTL: 64, Protocol: protocol,
		SrcAddr: tcpip.AddrFromSlice(from.AsSlice()), DstAddr: tcpip.AddrFromSlice(to.AsSlice()),
	})
	h.SetChecksum(^h.CalculateChecksum())
	return append(b, payload...)
}

func udpOf(from, to uint16, data []byte) []byte {
	b := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, from), to)
	return append(append(binary.BigEndian.AppendUint16(b, uint16(udpHead+len(data))), 0, 0), data...)
}

func echo() []byte {
	b := header.ICMPv4(append([]byte{8, 0, 0, 0, 0, 1, 0, 1}, "volary"...))
	b.SetChecksum(^checksum.Checksum(b, 0))
	return b
}

func syn(from, to netip.AddrPort) []byte {
	b := header.TCP(make([]byte, header.TCPMinimumSize))
	b.Encode(&header.TCPFields{SrcPort: from.Port(), DstPort: to.Port(), SeqNum: 7, DataOffset: header.TCPMinimumSize, Flags: header.TCPFlagSyn, WindowSize: 1024})
	sum := header.PseudoHeaderChecksum(header.TCPProtocolNumber, tcpip.AddrFromSlice(from.Addr().AsSlice()), tcpip.AddrFromSlice(to.Addr().AsSlice()), header.TCPMinimumSize)
	b.SetChecksum(^b.CalculateChecksum(sum))
	return b
}

// to sends an IPv4 packet by way of the gateway's MAC.
func (g *guest) to(dest netip.Addr, protocol byte, payload []byte) {
	g.t.Helper()
	g.send(ether(spec().GatewayMAC, g.mac, typeIPv4, packet(g.ip, dest, protocol, payload)))
}

var everybody = net.HardwareAddr{255, 255, 255, 255, 255, 255}

// introduce lets the gateway know the guest's MAC, as a guest's ARP does.
func (g *guest) introduce() {
	g.t.Helper()
	g.send(ether(everybody, g.mac, typeARP, g.arp(1, g.ip, spec().Gateway)))
	f := g.receive("the gateway's answer to ARP")
	if binary.BigEndian.Uint16(f[12:]) != typeARP || !bytes.Equal(f[6:12], spec().GatewayMAC) || address(f[28:]) != spec().Gateway {
		g.t.Fatalf("asked for the gateway, answered is %x", f)
	}
}

// lease asks for an address and gives the answer.
func (g *guest) lease(kind dhcpv4.MessageType, change ...dhcpv4.Modifier) *dhcpv4.DHCPv4 {
	g.t.Helper()
	m, err := dhcpv4.New(append([]dhcpv4.Modifier{dhcpv4.WithHwAddr(g.mac), dhcpv4.WithMessageType(kind)}, change...)...)
	if err != nil {
		g.t.Fatal(err)
	}
	g.send(ether(everybody, g.mac, typeIPv4, packet(netip.IPv4Unspecified(), broadcast, protoUDP, udpOf(portAsker, portServer, m.ToBytes()))))
	f := g.receive("an answer of DHCP")
	a, err := dhcpv4.FromBytes(f[etherHead+ipHead+udpHead:])
	if err != nil || a.TransactionID != m.TransactionID {
		g.t.Fatalf("the answer of DHCP is %x: %v", f, err)
	}
	return a
}

// asks asks the gateway's DNS one thing.
func (g *guest) asks(name string, kind uint16) *dns.Msg {
	g.t.Helper()
	m := new(dns.Msg)
	m.SetQuestion(name, kind)
	text, err := m.Pack()
	if err != nil {
		g.t.Fatal(err)
	}
	g.to(spec().Gateway, protoUDP, udpOf(40000, portDNS, text))
	f := g.receive("an answer of DNS")
	a := new(dns.Msg)
	if err := a.Unpack(f[etherHead+ipHead+udpHead:]); err != nil || a.Id != m.Id {
		g.t.Fatalf("the answer of DNS is %x: %v", f, err)
	}
	return a
}
