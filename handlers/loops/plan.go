package loops

import (
	"context"
	"net"
	"slices"
	"sync"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/provisioner/reconcile"
	"volary.dev/store/machines"
)

// cluster is the visit's work in the words of reconcile.
func (s *visit) cluster() reconcile.Cluster {
	c := reconcile.Cluster{Desired: s.work.Desired, Attempts: s.work.Attempts}
	if s.work.GateDeadline != nil {
		c.GateDeadline = *s.work.GateDeadline
	}
	for _, n := range s.work.Nodes {
		c.Published = c.Published || !s.work.Test && n.SSHPort != 0
		c.Nodes = append(c.Nodes, reconcile.Node{
			ID: n.ID, Host: n.Host.ID, HostName: n.Host.Name, HostSilent: n.Host.Seen == provisioner.HostSilent,
			HostUnfit: n.Host.Lacks, Movable: s.work.StartCount <= 1 && !n.Moved,
			Name: n.Name, Role: n.Role, State: n.State, ImageDigest: n.ImageDigest,
		})
	}
	return c
}

func (s *visit) node(id uuid.UUID) machines.NodeWork {
	for _, n := range s.work.Nodes {
		if n.ID == id {
			return n
		}
	}
	return machines.NodeWork{}
}

func (s *visit) host(id uuid.UUID) machines.HostWork {
	for _, n := range s.work.Nodes {
		if n.Host.ID == id {
			return n.Host
		}
	}
	return machines.HostWork{}
}

// network is the cluster's network as one host has to make it.
func network(w machines.ClusterWork, host machines.HostWork, open bool) provisioner.Network {
	n := provisioner.Network{
		ClusterID: w.ID, VNI: w.VNI, Subnet: w.Subnet, Gateway: w.Subnet.Masked().Addr().Next(), GatewayMAC: GatewayMAC(w.VNI),
		Domain: domain(w), MTU: w.Pool.MTU, Generation: w.NetworkGeneration, Underlay: host.Underlay,
		Sealed: w.Test, Masquerade: w.Pool.Masquerade && !w.Test,
	}
	n.Forbidden, n.Allowed = w.Pool.Forbidden, w.Pool.Allowed
	n.Entries = entries(w)
	for _, node := range w.Nodes {
		if node.Host.ID != host.ID && !slices.Contains(n.Peers, node.Host.Underlay) {
			n.Peers = append(n.Peers, node.Host.Underlay)
		}
		if open && node.Host.ID == host.ID && node.SSHPort != 0 {
			n.Published = append(n.Published, provisioner.PublishedPort{HostPort: node.SSHPort, Guest: node.Address, GuestPort: 22})
		}
	}
	return n
}

func entries(w machines.ClusterWork) []provisioner.NetworkEntry {
	list := make([]provisioner.NetworkEntry, len(w.Nodes))
	for i, n := range w.Nodes {
		list[i] = provisioner.NetworkEntry{Name: n.Name, MAC: n.MAC, IP: n.Address, Host: n.Host.Underlay}
	}
	return list
}

func domain(w machines.ClusterWork) string { return provisioner.ClusterDomain(w.Name) }

// GatewayMAC is the same on each host of a cluster: a locally administered address that ends in the VNI.
func GatewayMAC(vni uint32) net.HardwareAddr {
	return net.HardwareAddr{0x02, 'v', 'o', byte(vni >> 16 & 0xff), byte(vni >> 8 & 0xff), byte(vni & 0xff)}
}

// imageOnHost names a copy of an image.
type imageOnHost struct {
	host   uuid.UUID
	digest string
}

// flights lets one caller do what several want done, while the others wait for it.
type flights struct {
	mu    sync.Mutex
	under map[imageOnHost]*flight
}

type flight struct {
	done chan struct{}
	err  error
}

// do runs f unless a call with the same key is under way; then it waits for that one's outcome. Where the one under
// way was cut short the next caller tries itself.
func (fs *flights) do(ctx context.Context, key imageOnHost, f func(context.Context) error) error {
	for {
		fs.mu.Lock()
		other := fs.under[key]
		if other == nil {
			break
		}
		fs.mu.Unlock()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-other.done:
		}
		if other.err == nil {
			return nil
		}
	}
	mine := &flight{done: make(chan struct{})}
	if fs.under == nil {
		fs.under = map[imageOnHost]*flight{}
	}
	fs.under[key] = mine
	fs.mu.Unlock()
	mine.err = f(ctx)
	fs.mu.Lock()
	delete(fs.under, key)
	fs.mu.Unlock()
	close(mine.done)
	return mine.err
}
