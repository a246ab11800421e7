package plan

import (
	"fmt"
	"net/netip"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/provisioner/cloudinit"
)

// Cluster is a model and all that was given to it.
type Cluster struct {
	ID    uuid.UUID // by which hosts know what belongs together; may be Nil
	Name  string    // a DNS label; its nodes' domain is made of it
	Model provisioner.Model
	Net   Net
	Nodes []Node // in the order in which nodes are told of one another

	SSHKeys []string // authorized_keys lines
	// Start is which of the cluster's it is, and Logins are the members' where the model asks for accounts; 0: a cluster that nobody
	// is let into while it runs, or out of, as a test's.
	Start  int
	Logins []provisioner.Login
	Secret string // that its nodes share; empty: none
	// Check has every node report on its console; nil: none does.
	Check *cloudinit.Check

	MachineType string // "q35", or a versioned one
	CPU         string // a named CPU model; empty: the driver's default

	// Generation, MTU, Sealed, Masquerade, Forbidden and Allowed are those of provisioner.Network.
	Generation         int64
	MTU                int
	Sealed, Masquerade bool
	Forbidden, Allowed []netip.Prefix
}

// Node is one node of a cluster with what it was given.
type Node struct {
	ID uuid.UUID
	Place
	Host  Host
	Image Image
	// Shape is what its host gives it; the zero value takes what the model says it needs.
	Shape provisioner.Shape
	// SSHPort is the host's port that leads to the node's SSH once the network is open; 0: none.
	SSHPort uint16
}

// Host is where a node runs.
type Host struct {
	Name         string     // by which hosts are told apart
	Underlay     netip.Addr // where the other hosts reach it; not valid where there are none
	Acceleration provisioner.Acceleration
}

// Image is a base image that lies on the node's host.
type Image struct {
	Digest   string               // canonical
	Firmware provisioner.Firmware // what starts it, where its group does not say
}

// Plan is a cluster that can be made.
type Plan struct {
	cluster Cluster
	entries []provisioner.NetworkEntry
	nodes   map[uuid.UUID]Node
}

// Make plans a cluster, or says why it cannot be made (ErrPlan). What a seed refuses is refused by Node.
func Make(c Cluster) (Plan, error) {
	p := Plan{cluster: c, nodes: make(map[uuid.UUID]Node, len(c.Nodes)), entries: make([]provisioner.NetworkEntry, 0, len(c.Nodes))}
	if !c.Net.Subnet.Addr().Is4() {
		return Plan{}, fmt.Errorf("%w: %s is no IPv4 network", ErrPlan, c.Net.Subnet)
	}
	names, addresses, macs := map[string]bool{}, map[netip.Addr]bool{}, map[string]bool{}
	for _, n := range c.Nodes {
		_, twice := p.nodes[n.ID]
		switch _, known := c.Model.Group(n.Group); {
		case twice || names[n.Name] || addresses[n.Address] || macs[n.MAC.String()]:
			return Plan{}, fmt.Errorf("%w: node %s shares its id, name, address %s or MAC %s with another", ErrPlan, n.Name, n.Address, n.MAC)
		case !known:
			return Plan{}, fmt.Errorf("%w: node %s is of group %q, which the model does not have", ErrPlan, n.Name, n.Group)
		case !c.Net.gives(n.Address):
			return Plan{}, fmt.Errorf("%w: node %s has address %s, which is none for a node in %s", ErrPlan, n.Name, n.Address, c.Net.Subnet)
		}
		p.nodes[n.ID], names[n.Name], addresses[n.Address], macs[n.MAC.String()] = n, true, true, true
		p.entries = append(p.entries, provisioner.NetworkEntry{Name: n.Name, MAC: n.MAC, IP: n.Address, Host: n.Host.Underlay})
	}
	return p, nil
}

// gives tells whether an address may be a node's.
func (n Net) gives(a netip.Addr) bool {
	return n.Subnet.Contains(a) && a != n.Subnet.Masked().Addr() && a != n.gateway() && a != n.address(1<<(32-n.Subnet.Bits())-1)
}
