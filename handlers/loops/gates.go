package loops

import (
	"context"
	"strings"
	"unicode/utf8"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/provisioner/reconcile"
	"volary.dev/store/machines"
)

// gateWatch looks at the nodes of one host.
type gateWatch struct {
	vni   uint32
	nodes []machines.NodeWork
	after map[uuid.UUID]string // the mark from which each console is searched for the gate's text
}

// gateSeen is what was seen of one node.
type gateSeen struct {
	machine  reconcile.MachineSeen
	met      bool
	evidence machines.Evidence
	searched string // the mark up to which its console was searched
}

// look asks for addresses or console logs, and where a gate was met also which machines run: readiness is bound to the
// start identity it was seen with. Machines are asked about last, so that one that went off in between is not ready.
func (w gateWatch) look(ctx context.Context, d provisioner.Driver) (map[uuid.UUID]gateSeen, error) {
	met, searched, err := w.met(ctx, d)
	if err != nil {
		return nil, err
	}
	o, err := d.Observe(ctx)
	if err != nil {
		return nil, err
	}
	seen := MachinesOf(o)
	found := map[uuid.UUID]gateSeen{}
	for _, n := range w.nodes {
		m := seen[n.ID]
		if m.State != provisioner.MachineRunning {
			found[n.ID] = gateSeen{machine: machineSeen(m)} // also where it met its gate before: it is not ready now
			continue
		}
		detail, ok := met[n.ID]
		found[n.ID] = gateSeen{
			machine: reconcile.MachineRunning, met: ok, searched: searched[n.ID],
			evidence: machines.Evidence{StartID: m.StartID, Kind: string(n.Group.Gate.Kind), Detail: detail},
		}
	}
	return found, nil
}

// met gives the detail of the evidence for each node that met the gate of its group.
func (w gateWatch) met(ctx context.Context, d provisioner.Driver) (met, searched map[uuid.UUID]string, err error) {
	met, searched = map[uuid.UUID]string{}, map[uuid.UUID]string{}
	var printing, leasing []machines.NodeWork
	for _, n := range w.nodes {
		if n.Group.Gate.Kind == provisioner.GateAddress {
			leasing = append(leasing, n)
		} else {
			printing = append(printing, n)
		}
	}
	if len(leasing) > 0 {
		if err := w.leased(ctx, d, leasing, met); err != nil {
			return nil, nil, err
		}
	}
	if len(printing) > 0 {
		if err := w.printed(ctx, d, printing, met, searched); err != nil {
			return nil, nil, err
		}
	}
	return met, searched, nil
}

// leased looks for the nodes' addresses in what the host's DHCP gave.
func (w gateWatch) leased(ctx context.Context, d provisioner.Driver, nodes []machines.NodeWork, met map[uuid.UUID]string) error {
	addresses, err := d.Addresses(ctx, w.vni)
	if err != nil {
		return err
	}
	for _, n := range nodes {
		if addresses[strings.ToLower(n.MAC.String())] == n.Address {
			met[n.ID] = n.Address.String()
		}
	}
	return nil
}

// printed looks for the gates' texts in what each console got since the last look, all of which the host keeps for a while:
// text is found however much was written behind it.
func (w gateWatch) printed(ctx context.Context, d provisioner.Driver, nodes []machines.NodeWork, met, searched map[uuid.UUID]string) error {
	queries := make([]provisioner.ConsoleQuery, len(nodes))
	for i, n := range nodes {
		queries[i] = provisioner.ConsoleQuery{Node: n.ID, Find: []string{n.Group.Gate.Text}, After: w.after[n.ID]}
	}
	texts, err := d.Consoles(ctx, queries)
	if err != nil {
		return err
	}
	for i, n := range nodes {
		searched[n.ID] = texts[i].Next
		if lines := texts[i].Lines; len(lines) > 0 {
			met[n.ID] = printable(lines[len(lines)-1])
		}
	}
	return nil
}

// printable is a line that a guest wrote, without what a terminal takes for commands.
func printable(line []byte) string {
	text := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\uFFFD' {
			return -1
		}
		return r
	}, string(line))
	for len(text) > 200 {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	return text
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
