package loops

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/provisioner/reconcile"
	"volary.dev/store/machines"
)

// stopStrays stops what runs on a host although its node is stopped: someone started it by hand, or the host by itself.
// It is asked to power off, once, with a line in the log, and ended when it has not within the time that a stop of a
// cluster gives it. What comes between, a start of its cluster, is seen under the cluster's lock.
func (o *Observer) stopStrays(ctx context.Context, h machines.HostClaim, at time.Time, seen provisioner.Observation) error {
	var running []uuid.UUID
	for _, n := range seen.Nodes {
		if Runs(n) && n.ID.Version() != checkIDVersion {
			running = append(running, n.ID)
		}
	}
	strays, err := o.Machines.StrayNodes(ctx, h.ID, at, running)
	if err != nil {
		return err
	}
	asked := o.askedStrays(h.ID, strays)
	var errs []error
	for _, id := range strays {
		since, before := asked[id]
		if before && time.Since(since) < reconcile.ForceAfter {
			continue
		}
		if !before {
			still, err := o.Machines.NoteStray(ctx, id)
			if err != nil || !still {
				errs = append(errs, err)
				continue
			}
			o.Log.WarnContext(ctx, "stop a machine whose node is stopped", "host", h.ID, "node", id)
		}
		errs = append(errs, o.Hosts.With(ctx, h.Address, func(d provisioner.Driver) error { return d.StopNode(ctx, id, before) }))
		o.mu.Lock()
		o.strays[h.ID][id] = time.Now()
		o.mu.Unlock()
	}
	return errors.Join(errs...)
}

// askedStrays gives when each stray machine of a host was asked to power off, and forgets those that are none any more.
func (o *Observer) askedStrays(host uuid.UUID, strays []uuid.UUID) map[uuid.UUID]time.Time {
	o.mu.Lock()
	defer o.mu.Unlock()
	asked := map[uuid.UUID]time.Time{}
	for id, at := range o.strays[host] {
		if slices.Contains(strays, id) {
			asked[id] = at
		}
	}
	o.strays[host] = map[uuid.UUID]time.Time{}
	for id, at := range asked {
		o.strays[host][id] = at
	}
	return asked
}
