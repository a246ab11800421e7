package gate_test

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/provisioner/gate"
)

func TestPrintable(t *testing.T) {
	for line, want := range map[string]string{
		"volary: ready\r\n":                       "volary: ready",
		"\x1b[1m" + strings.Repeat("a", 300):      "[1m" + strings.Repeat("a", 197),
		strings.Repeat("a", 199) + "\u00e9\xff\n": strings.Repeat("a", 199),
	} {
		if got := gate.Printable([]byte(line)); got != want {
			t.Errorf("%q is shown as %q, want %q", line, got, want)
		}
	}
}

// host is one whose nodes answer as they are told to.
type host struct {
	provisioner.Driver
	agents map[uuid.UUID]error
	ports  map[netip.Addr]provisioner.Probed
	probe  error
	off    map[uuid.UUID]bool
	ids    []uuid.UUID

	mu    sync.Mutex
	asked map[uuid.UUID]int
	hangs bool // agents answer when the call is over
}

func (h *host) Exec(ctx context.Context, id uuid.UUID, _ provisioner.Command) (provisioner.CommandResult, error) {
	h.mu.Lock()
	h.asked[id]++
	h.mu.Unlock()
	if h.hangs {
		<-ctx.Done()
		return provisioner.CommandResult{}, ctx.Err()
	}
	return provisioner.CommandResult{}, h.agents[id]
}

func (h *host) Probe(_ context.Context, p provisioner.Probe) (provisioner.Probed, error) {
	if p.VNI != 7 || p.Port != 6818 {
		return provisioner.Probed{}, errors.New("another port was probed")
	}
	return h.ports[p.Guest], h.probe
}

func (h *host) Observe(context.Context) (o provisioner.Observation, err error) {
	for _, id := range h.ids {
		state := provisioner.MachineRunning
		if h.off[id] {
			state = provisioner.MachineOff
		}
		o.Nodes = append(o.Nodes, provisioner.NodeObservation{ID: id, State: state, StartID: "s"})
	}
	return o, nil
}

func made(kinds ...provisioner.GateKind) (*host, gate.Watch) {
	h := &host{agents: map[uuid.UUID]error{}, ports: map[netip.Addr]provisioner.Probed{}, off: map[uuid.UUID]bool{}, asked: map[uuid.UUID]int{}}
	w := gate.Watch{VNI: 7}
	for i, k := range kinds {
		n := gate.Node{
			ID: uuid.UUID{byte(i + 1)}, Address: netip.AddrFrom4([4]byte{10, 0, 0, byte(i + 1)}), MAC: net.HardwareAddr{2, 0, 0, 0, 0, byte(i + 1)},
			Gate: provisioner.Gate{Kind: k},
		}
		if k == provisioner.GatePort {
			n.Gate.Port = 6818
		}
		w.Nodes, h.ids = append(w.Nodes, n), append(h.ids, n.ID)
	}
	return h, w
}

// Each way in which an agent or a port answers, or does not, and what is said of it.
func TestAgentsAndPorts(t *testing.T) {
	const agent, port = provisioner.GateAgent, provisioner.GatePort
	h, w := made(agent, agent, agent, agent, agent, port, port, agent)
	h.agents[w.Nodes[1].ID] = provisioner.ErrGuestRefused
	h.agents[w.Nodes[2].ID] = provisioner.ErrNoAgent
	h.agents[w.Nodes[3].ID] = provisioner.ErrGuestTime
	h.agents[w.Nodes[4].ID] = &provisioner.HostError{Op: "x", Detail: "it is full"}
	h.ports[w.Nodes[5].Address] = provisioner.Probed{Answers: true}
	h.ports[w.Nodes[6].Address] = provisioner.Probed{Why: "the connection was refused"}
	h.off[w.Nodes[7].ID] = true
	seen, err := w.Look(t.Context(), h)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []struct {
		met    bool
		detail string
		waits  string
		ran    bool
	}{
		{true, "its agent answers", "", true},
		{true, "its agent answers, and runs no commands", "", false},
		{false, "", "its guest agent to answer (no agent in the guest answers)", false},
		{false, "", "its guest agent to answer (it let a question wait)", true},
		{false, "", "its guest agent to answer (its host could not ask: it is full)", false},
		{true, "port 6818 answers", "", false},
		{false, "", "TCP port 6818 to answer (the connection was refused)", false},
		{false, "", "its guest agent to answer", true},
	} {
		if s := seen[w.Nodes[i].ID]; s.Met != want.met || s.Detail != want.detail || s.Waits != want.waits || s.Ran != want.ran {
			t.Errorf("node %d: %+v, want %+v", i, s, want)
		}
	}
	h.agents[w.Nodes[0].ID] = provisioner.ErrHostUnreachable
	if _, err := w.Look(t.Context(), h); !errors.Is(err, provisioner.ErrHostUnreachable) {
		t.Errorf("of a host that does not answer: %v", err)
	}
	h, w = made(port)
	h.probe = provisioner.ErrHostUnreachable
	if _, err := w.Look(t.Context(), h); !errors.Is(err, provisioner.ErrHostUnreachable) {
		t.Errorf("of a host that does not answer: %v", err)
	}
}

// Agents that never answer take a look's time, and no more: the host is not silent, and the next look begins with others.
func TestAgentsThatHangTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		kinds := make([]provisioner.GateKind, 40)
		for i := range kinds {
			kinds[i] = provisioner.GateAgent
		}
		h, w := made(kinds...)
		h.hangs = true
		for range 10 {
			began := time.Now()
			seen, err := w.Look(t.Context(), h)
			if took := time.Since(began); err != nil || took > 9*time.Second {
				t.Fatalf("a look took %s, %v", took, err)
			}
			for id, s := range seen {
				if s.Met {
					t.Errorf("node %s has met its gate", id)
				}
			}
			w.Turn++
		}
		for _, n := range w.Nodes {
			if h.asked[n.ID] == 0 {
				t.Errorf("node %s was never asked", n.ID)
			}
		}
	})
}
