package loops

import (
	"context"
	"slices"
	"sync"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/provisioner/acceptance"
	"volary.dev/provisioner/cloudinit"
	"volary.dev/provisioner/plan"
	"volary.dev/provisioner/reconcile"
	"volary.dev/store/machines"
)

// cluster is the visit's work in the words of reconcile.
func (s *visit) cluster() reconcile.Cluster {
	c := reconcile.Cluster{Paused: s.work.Desired == provisioner.DesiredPaused, Attempts: s.work.Attempts}
	for _, b := range s.work.Batches {
		batch := reconcile.Batch{ID: b.ID}
		if b.GateDeadline != nil {
			batch.GateDeadline = *b.GateDeadline
		}
		c.Batches = append(c.Batches, batch)
	}
	for _, n := range s.work.Nodes {
		c.Published = c.Published || !s.work.Test && n.SSHPort != 0
		c.Nodes = append(c.Nodes, reconcile.Node{
			ID: n.ID, Batch: n.Batch, Desired: n.Desired, Host: n.Host.ID, HostName: n.Host.Name, HostSilent: n.Host.Seen == provisioner.HostSilent,
			HostUnfit: n.Host.Lacks, Movable: n.Kind != provisioner.BatchRestart && !n.Moved,
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

// planned is the visit's work in the words of plan.
func planned(w machines.ClusterWork) (plan.Plan, error) {
	c := plan.Cluster{
		ID: w.ID, Name: w.Name, Model: w.Model, Net: plan.Net{VNI: w.VNI, Subnet: w.Subnet}, SSHKeys: w.SSHKeys, Secret: w.SeedSecret,
		MachineType: w.Pool.MachineType, CPU: w.Pool.CPU,
		Generation: w.NetworkGeneration, MTU: w.Pool.MTU, Sealed: w.Test, Masquerade: w.Pool.Masquerade, Forbidden: w.Pool.Forbidden, Allowed: w.Pool.Allowed,
	}
	if !w.Test {
		c.Start, c.Logins = w.StartCount, w.Logins
	}
	if w.TestNonce != "" {
		c.Check = &cloudinit.Check{Nonce: w.TestNonce, Peers: true}
		c.SSHKeys = append(slices.Clone(w.SSHKeys), acceptance.KeyOf(w.SeedSecret, w.TestNonce).Line)
	}
	for _, n := range w.Nodes {
		c.Nodes = append(c.Nodes, plan.Node{
			ID: n.ID, Place: plan.Place{Group: n.Group.Name, Name: n.Name, Address: n.Address, MAC: n.MAC}, Host: on(n.Host),
			Image: plan.Image{Digest: n.ImageDigest, Firmware: n.Firmware}, Shape: n.Shape, SSHPort: n.SSHPort,
		})
	}
	return plan.Make(c)
}

// nodeSpec is all that a host needs to make and start a node.
func nodeSpec(w machines.ClusterWork, id uuid.UUID) (provisioner.NodeSpec, error) {
	p, err := planned(w)
	if err != nil {
		return provisioner.NodeSpec{}, err
	}
	return p.Node(id)
}

// on is a host in the words of plan: of two hosts only the ids are never the same.
func on(h machines.HostWork) plan.Host {
	return plan.Host{Name: h.ID.String(), Underlay: h.Underlay, Acceleration: h.Acceleration}
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
