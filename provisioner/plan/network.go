package plan

import (
	"slices"

	"volary.dev/provisioner"
)

// Domain is the DNS domain of the cluster's nodes.
func (c Cluster) Domain() string { return provisioner.ClusterDomain(c.Name) }

// Network is the cluster's network as one of its hosts has to make it; open publishes the ports of nodes that run there.
func (p Plan) Network(on Host, open bool) provisioner.Network {
	c := p.cluster
	n := provisioner.Network{
		ClusterID: c.ID, VNI: c.Net.VNI, Subnet: c.Net.Subnet, Gateway: c.Net.gateway(), GatewayMAC: c.Net.gatewayMAC(),
		Domain: c.Domain(), MTU: c.MTU, Generation: c.Generation, Underlay: on.Underlay, Entries: p.entries,
		Sealed: c.Sealed, Masquerade: c.Masquerade && !c.Sealed, Forbidden: c.Forbidden, Allowed: c.Allowed,
	}
	for _, node := range c.Nodes {
		if node.Host.Name != on.Name && !slices.Contains(n.Peers, node.Host.Underlay) {
			n.Peers = append(n.Peers, node.Host.Underlay)
		}
		if open && node.Host.Name == on.Name && node.SSHPort != 0 {
			n.Published = append(n.Published, provisioner.PublishedPort{HostPort: node.SSHPort, Guest: node.Address, GuestPort: sshPort})
		}
	}
	return n
}

// sshPort is where a guest listens for SSH.
const sshPort = 22
