package jobs

import (
	"bytes"
	"context"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/provisioner/reconcile"
	"volary.dev/store/machines"
)

// How much of the end of a console log is searched for a gate's text, and how much of it tells where a start began.
const (
	consoleLimit = 256 << 10
	markLength   = 200
)

// gateWatch looks at the nodes of one host.
type gateWatch struct {
	gate  provisioner.Gate
	vni   uint32
	nodes []machines.NodeWork
}

// gateSeen is what was seen of one node.
type gateSeen struct {
	machine  reconcile.MachineSeen
	met      bool
	evidence machines.Evidence
}

// look asks for leases or console logs, and where a gate was met also which machines run: readiness is bound to the
// start identity it was seen with. Machines are asked about last, so that one that went off in between is not ready.
func (w gateWatch) look(ctx context.Context, d provisioner.Driver) (map[uuid.UUID]gateSeen, error) {
	met, err := w.met(ctx, d)
	if err != nil {
		return nil, err
	}
	o, err := d.Observe(ctx)
	if err != nil {
		return nil, err
	}
	seen := machinesOf(o)
	found := map[uuid.UUID]gateSeen{}
	for _, n := range w.nodes {
		m, there := seen[n.ID]
		if !there || !runs(m) {
			found[n.ID] = gateSeen{machine: reconcile.MachineOff}
			continue
		}
		detail, ok := met[n.ID]
		found[n.ID] = gateSeen{
			machine: reconcile.MachineRunning, met: ok,
			evidence: machines.Evidence{StartID: m.StartID, Kind: string(w.gate.Kind), Detail: detail},
		}
	}
	return found, nil
}

// met gives the detail of the evidence for each node that met its gate.
func (w gateWatch) met(ctx context.Context, d provisioner.Driver) (map[uuid.UUID]string, error) {
	met := map[uuid.UUID]string{}
	if w.gate.Kind == provisioner.GateAddress {
		leases, err := d.Addresses(ctx, w.vni)
		if err != nil {
			return nil, err
		}
		for _, n := range w.nodes {
			if leases[strings.ToLower(n.MAC.String())] == n.Address {
				met[n.ID] = n.Address.String()
			}
		}
		return met, nil
	}
	for _, n := range w.nodes {
		log, err := d.ConsoleLog(ctx, n.ID, consoleLimit)
		if err != nil {
			return nil, err
		}
		if line, ok := gateLine(afterMark(log, n.ConsoleMark), w.gate.Text); ok {
			met[n.ID] = line
		}
	}
	return met, nil
}

// markOf says where a console log ends: "@" and its length, which identical words of every boot cannot confuse; or, where
// the log is longer than what is read of it, "#" and its last bytes.
func markOf(log []byte) string {
	if len(log) < consoleLimit {
		return "@" + strconv.Itoa(len(log))
	}
	return "#" + hex.EncodeToString(log[len(log)-markLength:])
}

// afterMark gives what was written after a mark. Where the log is another one, or has scrolled on, all of it is new.
func afterMark(log []byte, mark string) []byte {
	kind, rest := mark[:min(1, len(mark))], mark[min(1, len(mark)):]
	switch kind {
	case "@":
		if n, err := strconv.Atoi(rest); err == nil && n <= len(log) {
			return log[n:]
		}
	case "#":
		words, err := hex.DecodeString(rest)
		if at := bytes.LastIndex(log, words); err == nil && at >= 0 {
			return log[at+len(words):]
		}
	}
	return log
}

// gateLine finds text in a console log and gives the line it stands in, made printable.
func gateLine(log []byte, text string) (string, bool) {
	at := bytes.LastIndex(log, []byte(text))
	if at < 0 || text == "" {
		return "", false
	}
	from := bytes.LastIndexByte(log[:at], '\n') + 1
	to := len(log)
	if end := bytes.IndexByte(log[at:], '\n'); end >= 0 {
		to = at + end
	}
	line := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\uFFFD' {
			return -1
		}
		return r
	}, string(log[from:to]))
	return line[:min(len(line), 200)], true
}

func machinesOf(o provisioner.Observation) map[uuid.UUID]provisioner.NodeObservation {
	m := make(map[uuid.UUID]provisioner.NodeObservation, len(o.Nodes))
	for _, n := range o.Nodes {
		m[n.ID] = n
	}
	return m
}

// runs tells whether there is something to stop: a paused machine holds memory and may go on.
func runs(n provisioner.NodeObservation) bool {
	return n.State == provisioner.MachineRunning || n.State == provisioner.MachinePaused
}
