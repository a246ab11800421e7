package usernet

import (
	"bytes"
	"encoding/binary"
	"net"
	"net/netip"
)

// Sizes and numbers of Ethernet, ARP, IPv4, UDP and DHCP.
const (
	etherHead, arpSize, ipHead, udpHead = 14, 28, 20, 8

	mostFrame = 64<<10 + etherHead

	typeIPv4, typeARP     = 0x0800, 0x0806
	protoIGMP, protoUDP   = 2, 17
	portServer, portAsker = 67, 68
)

// guard is what one guest may send.
type guard struct {
	mac        net.HardwareAddr
	ip         netip.Addr // not valid: it has none
	subnet     netip.Prefix
	gateway    netip.Addr
	gatewayMAC net.HardwareAddr
}

// passes tells whether a frame goes on, by the rules of a host's bridge (package nethook, the chains of a guest).
func (g guard) passes(f []byte) bool {
	if len(f) < etherHead || len(f) > mostFrame || !bytes.Equal(f[6:12], g.mac) {
		return false
	}
	switch binary.BigEndian.Uint16(f[12:]) {
	case typeARP:
		return g.passesARP(f[etherHead:])
	case typeIPv4:
		return g.passesIPv4(f[:6], f[etherHead:])
	default:
		return false // IPv6 is off until it is designed
	}
}

func (g guard) passesARP(b []byte) bool {
	if len(b) < arpSize || !bytes.Equal(b[:6], []byte{0, 1, 8, 0, 6, 4}) {
		return false
	}
	operation := binary.BigEndian.Uint16(b[6:])
	sender, target := address(b[14:]), address(b[24:])
	return (operation == 1 || operation == 2) && bytes.Equal(b[8:14], g.mac) && (sender.IsUnspecified() || sender == g.ip) && g.subnet.Contains(target)
}

func (g guard) passesIPv4(to, b []byte) bool {
	if len(b) < ipHead || b[0] != 4<<4|ipHead/4 || b[9] == protoIGMP {
		return false // with options, too
	}
	from, dest := address(b[12:]), address(b[16:])
	fragment := binary.BigEndian.Uint16(b[6:])&0x3fff != 0
	if b[9] == protoUDP && !fragment {
		udp := b[ipHead:]
		if len(udp) < udpHead || binary.BigEndian.Uint16(udp) == portServer {
			return false
		}
		if binary.BigEndian.Uint16(udp) == portAsker && binary.BigEndian.Uint16(udp[2:]) == portServer {
			return (from.IsUnspecified() || from == g.ip) && g.asksForItself(udp[udpHead:])
		}
	}
	if from != g.ip {
		return false
	}
	last := lastOf(g.subnet)
	if fragment && (dest == g.gateway || dest == last || dest == broadcast) {
		return false
	}
	// What is for the gateway itself, and nothing that it would have to hand on.
	return !bytes.Equal(to, g.gatewayMAC) || dest == g.gateway
}

// asksForItself looks at a DHCP message: no relay's address, and the guest's own MAC.
func (g guard) asksForItself(b []byte) bool {
	const relay, asker = 24, 28
	return len(b) >= asker+6 && address(b[relay:]).IsUnspecified() && bytes.Equal(b[asker:asker+6], g.mac)
}

var broadcast = netip.AddrFrom4([4]byte{255, 255, 255, 255})

func address(b []byte) netip.Addr { return netip.AddrFrom4([4]byte(b[:4])) }

// lastOf is a network's broadcast address.
func lastOf(p netip.Prefix) netip.Addr {
	b := p.Masked().Addr().As4()
	n := binary.BigEndian.Uint32(b[:]) | (1<<(32-p.Bits()) - 1)
	binary.BigEndian.PutUint32(b[:], n)
	return netip.AddrFrom4(b)
}
