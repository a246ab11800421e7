package jobs

import (
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/store"
)

// A host's check makes guests and networks that the database does not know. They are told from nodes by their ids:
// nodes have version 7, guests of a check version 5 (made from the host's id, so that a second check finds what a
// killed one left), and networks of checks have VNIs from firstCheckVNI on.
const (
	firstCheckVNI  = 16_000_000
	checkIDVersion = 5
)

// stranger is what one round found on a host that no cluster owns.
type stranger struct {
	nodes []uuid.UUID
	vnis  []uint32
}

// sweep deletes what two rounds in a row found on a host and no cluster owns: what a host made after its worker had
// died and another one had finished the cluster. Rows are read after the host answered and written before anything is
// made, so nothing young is taken for a stranger; the second round is for what the host is deleting just now.
func (o *Observer) sweep(ctx context.Context, h store.HostClaim, seen provisioner.Observation) error {
	nodes, vnis, err := o.DB.LiveNodes(ctx, h.ID)
	if err != nil {
		return err
	}
	now := strangers(seen, nodes, vnis)
	o.mu.Lock()
	before := o.strange[h.ID]
	o.strange[h.ID] = now
	o.mu.Unlock()
	return o.Hosts.With(ctx, h.Address, func(d provisioner.Driver) error {
		var errs []error
		for _, id := range now.nodes {
			if slices.Contains(before.nodes, id) {
				o.Log.WarnContext(ctx, "delete a node that no cluster owns", "host", h.ID, "node", id)
				errs = append(errs, d.DeleteNode(ctx, id, false))
			}
		}
		for _, vni := range now.vnis {
			if slices.Contains(before.vnis, vni) {
				o.Log.WarnContext(ctx, "delete a network that no cluster owns", "host", h.ID, "vni", vni)
				errs = append(errs, d.DeleteNetwork(ctx, vni))
			}
		}
		return errors.Join(errs...)
	})
}

func strangers(seen provisioner.Observation, nodes []uuid.UUID, vnis []uint32) stranger {
	var s stranger
	for _, n := range seen.Nodes {
		if n.ID.Version() != checkIDVersion && !slices.Contains(nodes, n.ID) {
			s.nodes = append(s.nodes, n.ID)
		}
	}
	for _, n := range seen.Networks {
		if n.VNI < firstCheckVNI && !slices.Contains(vnis, n.VNI) {
			s.vnis = append(s.vnis, n.VNI)
		}
	}
	return s
}
