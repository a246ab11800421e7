package provisioner

import (
	"net"
	"net/netip"

	"github.com/google/uuid"
)

// Network is a cluster's own isolated network as one host has to make it: a bridge, a VXLAN device whose
// flooding list is Peers, DHCP and DNS answered locally, and one nftables table.
type Network struct {
	ClusterID  uuid.UUID
	VNI        uint32       // unique in the deployment, 1..16777215; bridge volVNI, device vxVNI
	Subnet     netip.Prefix // the cluster's own, no other cluster of the pool has it
	Gateway    netip.Addr   // the same on each host (anycast)
	GatewayMAC net.HardwareAddr
	Domain     string // search domain that DHCP hands out, e.g. "trial-1.volary"
	MTU        int    // of the underlay less VXLANOverhead
	Generation int64  // the hook reports the one it applied

	Underlay netip.Addr   // this host's address on the underlay
	Peers    []netip.Addr // underlay addresses of the cluster's other hosts
	Entries  []NetworkEntry
	Sealed   bool // no way out at all: acceptance tests
	// Masquerade lets guests out through the host's address, less the Forbidden ranges, PrivatePrefixes that are not
	// Allowed, and UDP 4789.
	Masquerade bool
	Forbidden  []netip.Prefix // management and underlay ranges and prefixes of clusters, of all the provider's pools
	Allowed    []netip.Prefix // within PrivatePrefixes; Forbidden goes before it
	Published  []PublishedPort
}

// VXLANOverhead is what VXLAN adds to a guest's packet, in bytes, where hosts reach each other by addresses like this one: the
// guest's Ethernet header (14), VXLAN (8), UDP (8), and IPv4 (20) or IPv6 (40). RFC 7348.
func VXLANOverhead(underlay netip.Addr) int {
	if underlay.Is6() && !underlay.Is4In6() {
		return 70
	}
	return 50
}

// The least and the most that guests' MTU may be: what every IPv4 host takes, and jumbo frames.
const (
	LeastMTU = 576
	MostMTU  = 9166
)

// NetworkEntry is one node's name and address, answered by DHCP (on the host that carries it) and DNS.
type NetworkEntry struct {
	Name string // "head", "compute-001"
	MAC  net.HardwareAddr
	IP   netip.Addr
	Host netip.Addr // underlay address of the host that carries it; not valid: the host that is asked
}

// PrivatePrefixes are the addresses that no guest reaches outside its own subnet unless its pool allows it: they are
// not the world's but of whatever network its host happens to stand in.
func PrivatePrefixes() []netip.Prefix {
	return []netip.Prefix{
		netip.MustParsePrefix("0.0.0.0/8"),
		netip.MustParsePrefix("10.0.0.0/8"),
		netip.MustParsePrefix("100.64.0.0/10"), // shared by carriers
		netip.MustParsePrefix("127.0.0.0/8"),
		netip.MustParsePrefix("169.254.0.0/16"), // link-local: where clouds keep what a machine may know of itself
		netip.MustParsePrefix("172.16.0.0/12"),
		netip.MustParsePrefix("192.0.0.0/24"),
		netip.MustParsePrefix("192.168.0.0/16"),
		netip.MustParsePrefix("198.18.0.0/15"), // for measurements; the checks of hosts use it
		netip.MustParsePrefix("224.0.0.0/4"),
		netip.MustParsePrefix("240.0.0.0/4"),
	}
}

// AllowablePrefixes are those of PrivatePrefixes within which a pool may allow some.
func AllowablePrefixes() []netip.Prefix {
	return []netip.Prefix{
		netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("172.16.0.0/12"),
		netip.MustParsePrefix("192.168.0.0/16"), netip.MustParsePrefix("100.64.0.0/10"),
	}
}

// PublishedPort forwards a TCP port of the host's underlay address to a guest on the same host.
type PublishedPort struct {
	HostPort  uint16
	Guest     netip.Addr
	GuestPort uint16
}

// NetworkReport is what a host has counted at the edge of a cluster's network since the network started: packets that were dropped, and
// such as went out of it or came into it. What stays within the cluster is neither.
type NetworkReport struct {
	Dropped uint64
	Passed  uint64
	// By are the counters by the names of their rules: "sealed", "out", "published".
	By map[string]uint64
}
