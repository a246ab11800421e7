package loops

import (
	"context"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/provisioner/gate"
	"volary.dev/provisioner/reconcile"
	"volary.dev/store/machines"
)

// gateWatch looks at the nodes of one host.
type gateWatch struct {
	vni   uint32
	nodes []machines.NodeWork
	after map[uuid.UUID]string // the mark from which each console is searched for the gate's text
	turn  int                  // of looks at the host
}

// gateSeen is what was seen of one node.
type gateSeen struct {
	machine  reconcile.MachineSeen
	met      bool
	waits    string // for what, where it is not met
	ran      bool   // its agent was asked for a command
	evidence machines.Evidence
	searched string // the mark up to which its console was searched
}

// look has package gate judge, and puts what it saw into the words of who reconciles.
func (w gateWatch) look(ctx context.Context, d provisioner.Driver) (map[uuid.UUID]gateSeen, error) {
	watch := gate.Watch{VNI: w.vni, Turn: w.turn}
	for _, n := range w.nodes {
		watch.Nodes = append(watch.Nodes, gate.Node{ID: n.ID, Address: n.Address, MAC: n.MAC, Gate: n.Group.Gate, After: w.after[n.ID]})
	}
	seen, err := watch.Look(ctx, d)
	if err != nil {
		return nil, err
	}
	found := map[uuid.UUID]gateSeen{}
	for _, n := range w.nodes {
		s := seen[n.ID]
		found[n.ID] = gateSeen{
			machine: machineSeen(s.Machine), met: s.Met, waits: s.Waits, ran: s.Ran, searched: s.Searched,
			evidence: machines.Evidence{StartID: s.Machine.StartID, Kind: string(n.Group.Gate.Kind), Detail: s.Detail},
		}
	}
	return found, nil
}

// MachinesOf are the machines of an answer by their nodes.
func MachinesOf(o provisioner.Observation) map[uuid.UUID]provisioner.NodeObservation {
	m := make(map[uuid.UUID]provisioner.NodeObservation, len(o.Nodes))
	for _, n := range o.Nodes {
		m[n.ID] = n
	}
	return m
}

// Runs tells whether there is something to stop: a machine that stands holds memory and may go on.
func Runs(n provisioner.NodeObservation) bool {
	return n.State == provisioner.MachineRunning || n.State == provisioner.MachinePaused || n.State == provisioner.MachineHalted
}

// machineSeen is an answer in the words of reconcile; the zero value, of a machine that is not there, is off.
func machineSeen(n provisioner.NodeObservation) reconcile.MachineSeen {
	switch n.State {
	case provisioner.MachineRunning:
		return reconcile.MachineRunning
	case provisioner.MachinePaused:
		return reconcile.MachinePaused
	case provisioner.MachineHalted:
		return reconcile.MachineHalted
	case provisioner.MachineOff, provisioner.MachineCrashed:
	}
	return reconcile.MachineOff
}
