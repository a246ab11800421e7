package loops

import (
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/store/machines"
)

// A host's check makes guests and networks that the database does not know. They are told from nodes by their ids:
// nodes have version 7, guests of a check version 5 (made from the host's id, so that a second check finds what a
// killed one left), and networks of checks have VNIs from firstCheckVNI on.
const (
	FirstCheckVNI  = 16_000_000
	checkIDVersion = 5
)

// stranger is what one round found on a host that belongs to no cluster.
type stranger struct {
	nodes   []uuid.UUID // the database knows that they are gone
	vnis    []uint32
	unknown []uuid.UUID // the database does not know them: nobody but a person may delete them
}

// sweep deletes what two rounds in a row found on a host although its cluster is gone: what a host made after its worker
// had died and another one had finished the cluster. Rows are read after the host answered and written before anything
// is made, so nothing young is taken for a stranger; the second round is for what is being deleted just now.
func (o *Observer) sweep(ctx context.Context, h machines.HostClaim, seen provisioner.Observation) error {
	now, err := o.strangers(ctx, h.ID, seen)
	if err != nil {
		return err
	}
	o.mu.Lock()
	before := o.strange[h.ID]
	o.strange[h.ID] = now
	o.mu.Unlock()
	for _, id := range now.unknown {
		if !slices.Contains(before.unknown, id) {
			o.Log.WarnContext(ctx, "the host carries a node that this database does not know; nothing is done to it", "host", h.ID, "node", id)
			continue
		}
		o.mu.Lock()
		noted := o.noted[id]
		o.noted[id] = true
		o.mu.Unlock()
		if noted {
			continue
		}
		if err := o.Machines.NoteUnknownMachine(ctx, h, id); err != nil { // seen twice: it is not about to be deleted
			return err
		}
	}
	left, err := o.Machines.LeftNodes(ctx, h.ID)
	if err != nil {
		return err
	}
	return o.Hosts.With(ctx, h.Address, func(d provisioner.Driver) error {
		var errs []error
		for _, n := range left {
			o.Log.InfoContext(ctx, "delete what is left of a node that was placed elsewhere", "host", h.ID, "node", n.ID)
			if err := d.DeleteNode(ctx, n.ID, n.Wipe); err != nil {
				errs = append(errs, err)
				continue
			}
			errs = append(errs, o.Machines.LeftNodeCleared(ctx, n.ID))
		}
		for _, id := range now.nodes {
			if slices.Contains(before.nodes, id) {
				o.Log.WarnContext(ctx, "delete a node that is gone", "host", h.ID, "node", id)
				if err := d.DeleteNode(ctx, id, h.WipeDisks); !errors.Is(err, provisioner.ErrWiping) {
					errs = append(errs, err) // else the next round goes on
				}
			}
		}
		for _, vni := range now.vnis {
			// With strangers on the host the network may be theirs.
			if slices.Contains(before.vnis, vni) && len(now.unknown) == 0 {
				o.Log.WarnContext(ctx, "delete a network of no cluster", "host", h.ID, "vni", vni)
				errs = append(errs, d.DeleteNetwork(ctx, vni))
			}
		}
		return errors.Join(errs...)
	})
}

func (o *Observer) strangers(ctx context.Context, host uuid.UUID, seen provisioner.Observation) (s stranger, err error) {
	nodes, vnis, err := o.Machines.LiveNodes(ctx, host)
	if err != nil {
		return s, err
	}
	for _, n := range seen.Networks {
		if n.VNI < FirstCheckVNI && !slices.Contains(vnis, n.VNI) {
			s.vnis = append(s.vnis, n.VNI)
		}
	}
	var others []uuid.UUID
	for _, n := range seen.Nodes {
		if n.ID.Version() != checkIDVersion && !slices.Contains(nodes, n.ID) {
			others = append(others, n.ID)
		}
	}
	if len(others) == 0 {
		return s, nil
	}
	if s.nodes, err = o.Machines.GoneNodes(ctx, others); err != nil {
		return s, err
	}
	s.unknown = slices.DeleteFunc(others, func(id uuid.UUID) bool { return slices.Contains(s.nodes, id) })
	return s, nil
}
