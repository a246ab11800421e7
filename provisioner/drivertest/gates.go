package drivertest

import (
	"strings"
	"testing"

	"volary.dev/provisioner"
	"volary.dev/provisioner/gate"
	"volary.dev/provisioner/waittest"
)

// meets has the fixture's node, which runs, meet a gate as a launch judges it.
func (f *fixture) meets(t *testing.T, g provisioner.Gate) {
	t.Helper()
	waittest.Until(t, "the gate "+g.Awaits(), func() bool {
		s := f.gate(t, g)
		return s.Met && s.Detail != "" && s.Waits == "" && s.Machine.StartID != ""
	})
}

// waits wants a gate not to be met, and its words to begin with what it waits for.
func (f *fixture) waits(t *testing.T, g provisioner.Gate) {
	t.Helper()
	if s := f.gate(t, g); s.Met || !strings.HasPrefix(s.Waits, g.Awaits()+" (") {
		t.Errorf("a gate that nobody meets: %+v", s)
	}
}

func (f *fixture) gate(t *testing.T, g provisioner.Gate) gate.Seen {
	t.Helper()
	n := gate.Node{ID: f.node.ID, Address: f.network.Entries[0].IP, MAC: f.node.MAC, Gate: g}
	seen, err := gate.Watch{VNI: f.network.VNI, Nodes: []gate.Node{n}}.Look(t.Context(), f.driver)
	if err != nil {
		t.Fatal(err)
	}
	return seen[n.ID]
}
