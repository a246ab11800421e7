package nethook

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
)

// release gives back the address that the guest at a new port was leased at an earlier start. Else libvirt would go on to
// report that lease, and the guest would count as there before it ever asked: dnsmasq tells libvirt of a lease when
// it is made, and not when a guest asks again for the one it had.
func (h hook) release(n network, port net.HardwareAddr) error {
	for _, m := range n.members {
		if bytes.Equal(m.MAC, port) {
			return h.send(n.gateway, releaseMessage(n.gateway, m.IP, m.MAC))
		}
	}
	return nil
}

// releaseMessage is a DHCPRELEASE (RFC 2131, 4.4.6) as the guest would send it.
func releaseMessage(server, leased netip.Addr, mac net.HardwareAddr) []byte {
	const request, ethernet = 1, 1
	m := make([]byte, 240, 300)
	m[0], m[1], m[2] = request, ethernet, byte(len(mac))
	copy(m[12:16], leased.AsSlice()) // ciaddr
	copy(m[28:44], mac)              // chaddr
	binary.BigEndian.PutUint32(m[236:], 0x63825363)
	m = append(m, 53, 1, 7) // message type: release
	m = append(append(m, 54, 4), server.AsSlice()...)
	m = append(m, 255)
	return append(m, make([]byte, 300-len(m))...) // BOOTP's least length
}

// sendToServer sends a message to the DHCP server of a network on this host.
func sendToServer(server netip.Addr, message []byte) error {
	c, err := net.Dial("udp4", netip.AddrPortFrom(server, 67).String()) //nolint:noctx // UDP has nothing to wait for
	if err != nil {
		return fmt.Errorf("release an old lease: %w", err)
	}
	defer c.Close()
	if _, err := c.Write(message); err != nil {
		return fmt.Errorf("release an old lease: %w", err)
	}
	return nil
}
