//go:build libvirt

package libvirt

import (
	"encoding/binary"
	"encoding/hex"
	"net"
	"net/netip"
	"slices"
	"strings"
)

// frame is what a stranger puts on the wire of its guest, field by field as it likes.
type frame struct {
	to, from net.HardwareAddr
	tag      []byte // between the MACs and the type: a VLAN's
	kind     uint16
	body     []byte
	short    bool // is not filled up to what Ethernet wants
}

func (f frame) bytes() []byte {
	b := slices.Concat(f.to, f.from, f.tag, binary.BigEndian.AppendUint16(nil, f.kind), f.body)
	if f.short {
		return b
	}
	return append(b, make([]byte, max(0, 60-len(b)))...)
}

func (f frame) hex() string { return hex.EncodeToString(f.bytes()) }

const (
	typeIPv4, typeARP, typeIPv6, typeLLDP = 0x0800, 0x0806, 0x86dd, 0x88cc
	protocolIGMP, protocolUDP             = 2, 17
)

var (
	everybody = net.HardwareAddr{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}
	// forBridges is LLDP's address. A frame to it passes no hook of nftables' bridge family, and is learned from.
	forBridges = net.HardwareAddr{0x01, 0x80, 0xc2, 0x00, 0x00, 0x0e}
	madeUp     = net.HardwareAddr{0x02, 0x66, 0, 0, 0, 1}
)

// ipv4 is a packet; options are in whole words, and fragment is the field of flags and offset.
func ipv4(from, to netip.Addr, protocol byte, options []byte, fragment uint16, body []byte) []byte {
	p := make([]byte, 20, 20+len(options)+len(body))
	p[0], p[8], p[9] = byte(0x40|(20+len(options))/4), 64, protocol
	binary.BigEndian.PutUint16(p[2:], uint16(20+len(options)+len(body)))
	binary.BigEndian.PutUint16(p[6:], fragment)
	copy(p[12:], from.AsSlice())
	copy(p[16:], to.AsSlice())
	p = append(p, options...)
	var sum uint32
	for i := 0; i < len(p); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(p[i:]))
	}
	for sum > 0xffff {
		sum = sum&0xffff + sum>>16
	}
	binary.BigEndian.PutUint16(p[10:], ^uint16(sum))
	return append(p, body...)
}

// udp is a datagram without a checksum.
func udp(from, to uint16, body []byte) []byte {
	d := make([]byte, 8, 8+len(body))
	binary.BigEndian.PutUint16(d[0:], from)
	binary.BigEndian.PutUint16(d[2:], to)
	binary.BigEndian.PutUint16(d[4:], uint16(8+len(body)))
	return append(d, body...)
}

// question asks a name server for a name: of a type and class as DNS numbers them.
func question(name string, kind, class uint16) []byte {
	b := []byte{0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0}
	for label := range strings.SplitSeq(name, ".") {
		b = append(append(b, byte(len(label))), label...)
	}
	b = append(b, 0)
	return binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(b, kind), class)
}

func arp(operation uint16, mac net.HardwareAddr, ip, about netip.Addr) []byte {
	b := []byte{0, 1, 0x08, 0, 6, 4, byte(operation >> 8), byte(operation)}
	b = append(append(b, mac...), ip.AsSlice()...)
	return append(append(b, 0, 0, 0, 0, 0, 0), about.AsSlice()...)
}

// dhcp is a question for an address, as of a machine with this MAC, passed on by a relay unless that is 0.0.0.0.
func dhcp(mac net.HardwareAddr, relay netip.Addr) []byte {
	m := make([]byte, 236, 300)
	m[0], m[1], m[2] = 1, 1, 6
	copy(m[24:], relay.AsSlice())
	copy(m[28:], mac)
	m = append(m, 0x63, 0x82, 0x53, 0x63, 53, 1, 1, 255)
	return append(m, make([]byte, 300-len(m))...)
}
