package loops

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/provisioner/gate"
	"volary.dev/provisioner/reconcile"
	"volary.dev/store/blob"
	"volary.dev/store/machines"
)

// deed performs one action. It runs in a goroutine of its own and must not touch the visit; what it saw is
// written down by the function it returns.
type deed func(ctx context.Context) (func(*visit), error)

// actionTimeout bounds an action: after it the host counts as silent. Images are large.
func actionTimeout(k reconcile.Kind) time.Duration {
	switch k {
	case reconcile.EnsureImage:
		return time.Hour
	case reconcile.WatchGates, reconcile.Observe:
		return 15 * time.Second
	default:
		return time.Minute
	}
}

// prepare takes from the visit all that the action needs.
func (s *visit) prepare(a reconcile.Action) deed {
	host := s.host(a.Host)
	node := s.node(a.Node)
	switch a.Kind {
	case reconcile.EnsureNetwork:
		return s.ensureNetwork(host, a.Open)
	case reconcile.EnsureImage:
		return s.ensureImage(host, a.Digest)
	case reconcile.EnsureNode:
		return s.ensureNode(host, node)
	case reconcile.WatchGates:
		return s.watchGates(host)
	case reconcile.Observe:
		return s.observe(host)
	case reconcile.PowerOff:
		return s.powerOff(host, node, a.Force)
	case reconcile.Suspend:
		return s.turn(host, node, reconcile.MachinePaused, provisioner.Driver.SuspendNode)
	case reconcile.Resume:
		return s.turn(host, node, reconcile.MachineRunning, provisioner.Driver.ResumeNode)
	case reconcile.DeleteNode:
		return s.deleteNode(host, node)
	case reconcile.DeleteNetwork:
		return s.deleteNetwork(host)
	default:
		return func(context.Context) (func(*visit), error) {
			return nil, fmt.Errorf("no such action: %s", a.Kind)
		}
	}
}

func (s *visit) ensureNetwork(host machines.HostWork, open bool) deed {
	p, err := planned(s.work)
	return func(ctx context.Context) (func(*visit), error) {
		if err != nil {
			return nil, ours(err)
		}
		n := p.Network(on(host), open)
		err := s.Hosts.With(ctx, host.Address, func(d provisioner.Driver) error { return d.EnsureNetwork(ctx, n) })
		return func(s *visit) {
			s.seen.Networks[host.ID] = reconcile.NetworkClosed
			if open {
				s.seen.Networks[host.ID] = reconcile.NetworkOpen
			}
		}, err
	}
}

func (s *visit) ensureImage(host machines.HostWork, digest string) deed {
	var size int64
	for _, n := range s.work.Nodes {
		if n.ImageDigest == digest {
			size = n.ImageSize
		}
	}
	open := func(ctx context.Context) (io.ReadCloser, error) {
		r, err := s.OpenImage(ctx, digest)
		if err != nil {
			return nil, ours(err)
		}
		return ownReader{r}, nil
	}
	return func(ctx context.Context) (func(*visit), error) {
		// Several clusters may need the image on this host at once: it is copied once.
		err := s.images.do(ctx, imageOnHost{host.ID, digest}, func(ctx context.Context) error {
			err := s.StageImage(ctx, ImageHost{host.ID, host.Address}, digest, size, open)
			if others := errors.Is(err, provisioner.ErrImageDigest); s.ImageLost != nil && (others || errors.Is(err, blob.ErrNotFound)) {
				s.ImageLost(ctx, digest, others)
			}
			return err
		})
		return func(s *visit) { s.seen.Images[reconcile.HostImage{Host: host.ID, Digest: digest}] = true }, err
	}
}

func (s *visit) ensureNode(host machines.HostWork, node machines.NodeWork) deed {
	spec, err := nodeSpec(s.work, node.ID)
	start := s.work.StartCount
	return func(ctx context.Context) (func(*visit), error) {
		if err != nil {
			return nil, ours(err)
		}
		// Starting is written down first: a node that is reserved has left nothing on its host. One that was placed
		// elsewhere meanwhile must not be made here.
		if here, err := s.Machines.BeginNode(ctx, node.ID, host.ID); err != nil {
			return nil, ours(err)
		} else if !here {
			return nil, ours(errElsewhere)
		}
		mark := node.ConsoleMark
		err := s.Hosts.With(ctx, host.Address, func(d provisioner.Driver) (err error) {
			if mark, err = s.markConsole(ctx, d, node, start); err != nil {
				return err
			}
			return d.EnsureNode(ctx, spec)
		})
		if err == nil {
			err = ours(s.Machines.NoteNodes(ctx, provisioner.StepMade, node.ID))
		}
		return func(s *visit) {
			for i := range s.work.Nodes {
				if s.work.Nodes[i].ID == node.ID {
					s.work.Nodes[i].ConsoleMark = mark
				}
			}
			delete(s.searched, node.ID)
			s.seen.Nodes[node.ID] = reconcile.NodeSeen{Machine: reconcile.MachineRunning}
			Poke(s.news) // the gate's deadline is set now
		}, err
	}
}

var errElsewhere = errors.New("the node was placed on another host meanwhile")

// markConsole remembers, once for each start of a node after its first, where the node's console log ends: what it said when it
// was ready before says nothing about now.
func (s *visit) markConsole(ctx context.Context, d provisioner.Driver, node machines.NodeWork, start int) (string, error) {
	if node.Kind != provisioner.BatchRestart || node.MarkedStart == start {
		return node.ConsoleMark, nil
	}
	texts, err := d.Consoles(ctx, []provisioner.ConsoleQuery{{Node: node.ID}})
	if err != nil {
		return "", err
	}
	return texts[0].End, ours(s.Machines.MarkConsole(ctx, node.ID, start, texts[0].End))
}

// watchGates looks once at what the host's nodes still owe.
func (s *visit) watchGates(host machines.HostWork) deed {
	w := gateWatch{vni: s.work.VNI, after: map[uuid.UUID]string{}, turn: s.looks[host.ID]}
	s.looks[host.ID]++
	noted := maps.Clone(s.asked)
	for _, n := range s.work.Nodes {
		if seen := s.seen.Nodes[n.ID]; n.Host.ID == host.ID && pending(n) && (seen.Machine == reconcile.MachineRunning || seen.Machine == reconcile.MachineHalted) && !seen.Met {
			w.nodes = append(w.nodes, n)
			w.after[n.ID] = cmp.Or(s.searched[n.ID], n.ConsoleMark)
		}
	}
	pause := s.pause(host.ID)
	return func(ctx context.Context) (func(*visit), error) {
		if err := pause(ctx); err != nil {
			return nil, err
		}
		var found map[uuid.UUID]gateSeen
		err := s.Hosts.With(ctx, host.Address, func(d provisioner.Driver) (err error) {
			found, err = w.look(ctx, d)
			return err
		})
		if met := metNow(found); err == nil && len(met) > 0 {
			err = ours(s.Machines.NoteNodes(ctx, provisioner.StepGate, met...))
		}
		if err == nil {
			err = ours(s.noteAsked(ctx, found, noted))
		}
		return func(s *visit) {
			for id, g := range found {
				seen := s.seen.Nodes[id]
				seen.Machine, seen.Met, seen.Waits = g.machine, g.met, g.waits
				s.seen.Nodes[id] = seen
				s.searched[id] = g.searched
				s.asked[id] = s.asked[id] || g.ran && !g.met
				if g.met {
					g.evidence.At = s.now()
					s.evidence[id] = g.evidence
				}
			}
		}, err
	}
}

// noteAsked writes into the log that an agent was asked for a command: once where it let that wait, and once where it answered.
func (r *Reconciler) noteAsked(ctx context.Context, found map[uuid.UUID]gateSeen, noted map[uuid.UUID]bool) error {
	for id, g := range found {
		if !g.ran || !g.met && noted[id] {
			continue
		}
		end := "status 0"
		if !g.met {
			end = provisioner.ErrGuestTime.Error()
		}
		if err := r.Machines.NoteGuestCommand(ctx, machines.GuestCommand{Node: id, Because: "readiness gate", Argv: gate.Command, End: end}); err != nil {
			return err
		}
	}
	return nil
}

// pending tells whether the node is on its way up.
func pending(n machines.NodeWork) bool {
	return n.Desired == provisioner.DesiredRunning && (n.State == provisioner.NodeReserved || n.State == provisioner.NodeStarting)
}

func metNow(found map[uuid.UUID]gateSeen) (nodes []uuid.UUID) {
	for id, g := range found {
		if g.met {
			nodes = append(nodes, id)
		}
	}
	return nodes
}

// observe looks once at which machines of the cluster run on the host.
func (s *visit) observe(host machines.HostWork) deed {
	pause := s.pause(host.ID)
	return func(ctx context.Context) (func(*visit), error) {
		if err := pause(ctx); err != nil {
			return nil, err
		}
		var o provisioner.Observation
		err := s.Hosts.With(ctx, host.Address, func(d provisioner.Driver) (err error) {
			o, err = d.Observe(ctx)
			return err
		})
		return func(s *visit) {
			machines := MachinesOf(o)
			for _, n := range s.work.Nodes {
				if n.Host.ID == host.ID {
					seen := s.seen.Nodes[n.ID]
					seen.Machine = machineSeen(machines[n.ID])
					s.seen.Nodes[n.ID] = seen
				}
			}
		}, err
	}
}

func (s *visit) powerOff(host machines.HostWork, node machines.NodeWork, force bool) deed {
	return func(ctx context.Context) (func(*visit), error) {
		err := s.Hosts.With(ctx, host.Address, func(d provisioner.Driver) error { return d.StopNode(ctx, node.ID, force) })
		if errors.Is(err, provisioner.ErrNoSuchNode) {
			err = nil // it is as off as it can be
		}
		return func(s *visit) {
			seen := s.seen.Nodes[node.ID]
			seen.AskedLast = s.now()
			if seen.AskedAt.IsZero() {
				seen.AskedAt = seen.AskedLast
			}
			if force {
				seen.Machine = reconcile.MachineUnknown // what became of it is looked at, not forced again and again
			}
			s.seen.Nodes[node.ID] = seen
		}, err
	}
}

// turn suspends or resumes a machine. One that is gone meanwhile is off.
func (s *visit) turn(host machines.HostWork, node machines.NodeWork, to reconcile.MachineSeen, do func(provisioner.Driver, context.Context, uuid.UUID) error) deed {
	return func(ctx context.Context) (func(*visit), error) {
		err := s.Hosts.With(ctx, host.Address, func(d provisioner.Driver) error { return do(d, ctx, node.ID) })
		became := to
		if errors.Is(err, provisioner.ErrNoSuchNode) {
			became, err = reconcile.MachineOff, nil
		}
		return func(s *visit) {
			seen := s.seen.Nodes[node.ID]
			seen.Machine = became
			s.seen.Nodes[node.ID] = seen
		}, err
	}
}

func (s *visit) deleteNode(host machines.HostWork, node machines.NodeWork) deed {
	wipe := s.work.Pool.WipeDisks
	return func(ctx context.Context) (func(*visit), error) {
		err := s.Hosts.With(ctx, host.Address, func(d provisioner.Driver) error { return d.DeleteNode(ctx, node.ID, wipe) })
		if errors.Is(err, provisioner.ErrWiping) {
			return nil, nil // the host goes on by itself; Step asks again
		}
		return func(s *visit) { s.seen.Nodes[node.ID] = reconcile.NodeSeen{Machine: reconcile.MachineGone} }, err
	}
}

func (s *visit) deleteNetwork(host machines.HostWork) deed {
	vni := s.work.VNI
	return func(ctx context.Context) (func(*visit), error) {
		err := s.Hosts.With(ctx, host.Address, func(d provisioner.Driver) error { return d.DeleteNetwork(ctx, vni) })
		return func(s *visit) { s.seen.Networks[host.ID] = reconcile.NetworkGone }, err
	}
}

// pause keeps looks at the same host apart by the polling interval.
func (s *visit) pause(host uuid.UUID) func(context.Context) error {
	next := s.polled[host].Add(s.Poll)
	if now := time.Now(); next.Before(now) {
		next = now
	}
	s.polled[host] = next
	return func(ctx context.Context) error {
		timer := time.NewTimer(time.Until(next))
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-timer.C:
			return nil
		}
	}
}

// record performs an action that changes only the database, and reads the cluster again. Nothing else is under way, but for
// a launch that is given up: a host that hangs must not hold that up.
func (s *visit) record(ctx context.Context, a reconcile.Action) error {
	var err error
	switch a.Kind {
	case reconcile.MarkReady:
		_, err = s.Machines.MarkNodesReady(ctx, s.id, s.work.Generation, s.evidenceOf(a.Batch))
	case reconcile.MarkStopped:
		s.seen.Stopped, err = s.Machines.MarkNodesStopped(ctx, s.id, s.work.Generation)
	case reconcile.MarkPaused:
		err = s.Machines.MarkNodesPaused(ctx, s.id, s.work.Generation, reconcile.Standing(s.cluster(), s.seen))
	case reconcile.MarkGone:
		if err = s.Machines.MarkNodesGone(ctx, s.id, reconcile.Removed(s.cluster(), s.seen)...); err == nil {
			s.log.InfoContext(ctx, "recorded", "action", a.Kind, "generation", s.work.Generation)
			return s.reload(ctx) // the networks of those that stay are to be made without their names
		}
	case reconcile.Replace:
		return s.replace(ctx, a)
	case reconcile.Fail:
		err = s.Machines.FailBatch(ctx, s.id, s.work.Generation, a.Batch, a.Reason, a.Detail)
	default:
		return fmt.Errorf("%s does not change the database alone", a.Kind)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", a.Kind, err)
	}
	if a.Kind == reconcile.Fail {
		s.supersede()
	}
	s.log.InfoContext(ctx, "recorded", "action", a.Kind, "batch", a.Batch, "generation", s.work.Generation, "reason", a.Reason, "detail", a.Detail)
	return s.load(ctx)
}

// evidenceOf is what the readiness of a batch's nodes is known by.
func (s *visit) evidenceOf(batch uuid.UUID) map[uuid.UUID]machines.Evidence {
	of := map[uuid.UUID]machines.Evidence{}
	for _, n := range s.work.Nodes {
		if e, ok := s.evidence[n.ID]; ok && n.Batch == batch {
			of[n.ID] = e
		}
	}
	return of
}

// replace places elsewhere what a host cannot start. Where no other host has room the batch fails for the reason that it
// would have failed for.
func (s *visit) replace(ctx context.Context, a reconcile.Action) error {
	nodes := reconcile.Stuck(s.cluster(), s.seen, a.Batch, a.Host, a.Reason)
	moved, err := s.Machines.ReplaceNodes(ctx, s.id, s.work.Generation, machines.Replacement{HostID: a.Host, Nodes: nodes, Reason: a.Reason, Why: a.Detail})
	if err != nil {
		return fmt.Errorf("%s: %w", a.Kind, err)
	}
	if !moved {
		return s.record(ctx, reconcile.Action{Kind: reconcile.Fail, Batch: a.Batch, Reason: a.Reason, Detail: a.Detail})
	}
	s.log.InfoContext(ctx, "placed elsewhere", "host", a.Host, "nodes", nodes, "reason", a.Reason, "detail", a.Detail)
	return s.reload(ctx)
}
