// Package sender tells who counts as one sender of requests where senders are counted: sockets, requests, and tries of
// passwords. It is pure and imports nothing of ours; what counts uses it, from the listener to the store.
package sender

import "net/netip"

// Parse reads a network address, with or without a port and zone. What cannot be read is the zero Addr, and counts as
// one sender.
func Parse(address string) netip.Addr {
	if a, err := netip.ParseAddr(address); err == nil {
		return a.Unmap().WithZone("")
	}
	if p, err := netip.ParseAddrPort(address); err == nil {
		return p.Addr().Unmap().WithZone("")
	}
	return netip.Addr{}
}

// One is a sender: an IPv4 address, or an IPv6 /64, since whoever has one of its addresses has 2^64 of them.
func One(a netip.Addr) netip.Prefix { return prefix(a, 32, 64) }

// Network is what one institution, or one attacker's rack, usually sits in: an IPv4 /24 or an IPv6 /48.
func Network(a netip.Addr) netip.Prefix { return prefix(a, 24, 48) }

func prefix(a netip.Addr, four, six int) netip.Prefix {
	a = a.Unmap().WithZone("")
	bits := six
	if a.Is4() {
		bits = four
	}
	p, err := a.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}
