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
	MTU        int    // underlay MTU less 50 for VXLAN
	Generation int64  // the hook reports the one it applied

	Underlay netip.Addr   // this host's address on the underlay
	Peers    []netip.Addr // underlay addresses of the cluster's other hosts
	Entries  []NetworkEntry
	Sealed   bool // no way out at all: acceptance tests
	// Masquerade lets guests out through the host's address, less the Forbidden ranges and UDP 4789.
	Masquerade bool
	Forbidden  []netip.Prefix // management and underlay ranges, and the pool's whole prefix of clusters
	Published  []PublishedPort
}

// NetworkEntry is one node's name and address, answered by DHCP (on the host that carries it) and DNS.
type NetworkEntry struct {
	Name string // "head", "compute-001"
	MAC  net.HardwareAddr
	IP   netip.Addr
}

// PublishedPort forwards a TCP port of the host's underlay address to a guest on the same host.
type PublishedPort struct {
	HostPort  uint16
	Guest     netip.Addr
	GuestPort uint16
}
