package loops

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/store/machines"
)

// consoleHost gives one address, and on every console one line.
type consoleHost struct {
	provisioner.Driver
	node machines.NodeWork
	line string
	runs []uuid.UUID
}

func (h consoleHost) Addresses(context.Context, uint32) (map[string]netip.Addr, error) {
	return map[string]netip.Addr{h.node.MAC.String(): h.node.Address}, nil
}

func (h consoleHost) Consoles(_ context.Context, queries []provisioner.ConsoleQuery) ([]provisioner.ConsoleText, error) {
	texts := make([]provisioner.ConsoleText, len(queries))
	for i, q := range queries {
		if strings.Contains(h.line, q.Find[0]) {
			texts[i] = provisioner.ConsoleText{Lines: [][]byte{[]byte(h.line)}}
		}
	}
	return texts, nil
}

func (h consoleHost) Observe(context.Context) (o provisioner.Observation, err error) {
	for _, id := range h.runs {
		o.Nodes = append(o.Nodes, provisioner.NodeObservation{ID: id, State: provisioner.MachineRunning})
	}
	return o, nil
}

// Of three nodes on one host each is ready by the gate of its own group.
func TestEachNodeMeetsItsOwnGate(t *testing.T) {
	node := func(n byte, g provisioner.Gate) machines.NodeWork {
		return machines.NodeWork{Group: provisioner.Group{Gate: g}, ID: uuid.UUID{n}, MAC: net.HardwareAddr{2, 0, 0, 0, 0, n}, Address: netip.AddrFrom4([4]byte{10, 0, 0, n})}
	}
	console := func(text string) provisioner.Gate {
		return provisioner.Gate{Kind: provisioner.GateConsole, Text: text}
	}
	w := gateWatch{nodes: []machines.NodeWork{
		node(10, provisioner.Gate{Kind: provisioner.GateAddress}), node(11, console("slurmd up")), node(12, console("cuda up")),
	}}
	found, err := w.look(t.Context(), consoleHost{node: w.nodes[0], line: "slurmd up", runs: []uuid.UUID{{10}, {11}, {12}}})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []string{"10.0.0.10", "slurmd up", ""} {
		n := w.nodes[i]
		if g := found[n.ID]; g.met != (want != "") || g.evidence.Detail != want || g.evidence.Kind != string(n.Group.Gate.Kind) {
			t.Errorf("node %d: met %t, evidence %+v; want %q", i, g.met, g.evidence, want)
		}
	}
}
