package usernet

import (
	"encoding/binary"

	"volary.dev/provisioner"
)

// counts are what the switch did at the network's edge since the network was made.
type counts struct {
	refused   uint64 // frames that a guest may not send (guard)
	sealed    uint64 // frames that were to leave the network by its gateway
	out       uint64 // frames that the gateway sent in another's name: what a router hands on
	published uint64 // connections that a published port took in, from this machine
}

// Report is what was counted. Nothing goes out here, and that is counted as on a host all the same: by what the gateway sends.
func (n *Network) Report() provisioner.NetworkReport {
	n.mu.Lock()
	defer n.mu.Unlock()
	c := n.counts
	return provisioner.NetworkReport{
		Dropped: c.refused + c.sealed, Passed: c.out + c.published,
		By: map[string]uint64{"refused": c.refused, "sealed": c.sealed, "out": c.out, "published": c.published},
	}
}

// drop counts a frame that guard refused; n.mu is held.
func (n *Network) drop(frame []byte) {
	if isIPv4(frame) && [6]byte(frame) == n.gatewayMAC && !n.spec.Subnet.Contains(address(frame[etherHead+16:])) {
		n.counts.sealed++
	} else {
		n.counts.refused++
	}
}

// sent counts a frame of the gateway that is not its own; n.mu is held.
func (n *Network) sent(frame []byte) {
	if isIPv4(frame) && address(frame[etherHead+12:]) != n.spec.Gateway {
		n.counts.out++
	}
}

func isIPv4(frame []byte) bool {
	return len(frame) >= etherHead+ipHead && binary.BigEndian.Uint16(frame[12:]) == typeIPv4
}
