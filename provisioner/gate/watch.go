package gate

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"volary.dev/provisioner"
)

const (
	askFor  = 8 * time.Second // for all agents and ports of one look together
	atOnce  = 4               // agents and ports of a host
	oneAsk  = 2 * time.Second // for one of them: who asks comes again
	evident = 200             // bytes of a line that shows a gate met
)

// Node is a node whose gate is watched.
type Node struct {
	ID      uuid.UUID
	Address netip.Addr
	MAC     net.HardwareAddr
	Gate    provisioner.Gate
	After   string // the mark from which its console is searched
}

// Seen is what one look saw of a node.
type Seen struct {
	Machine  provisioner.NodeObservation // the zero value: it is not there
	Met      bool
	Detail   string // by what it was met: the address, the line of the console, "port 22"
	Waits    string // for what it waits, and what was seen of it: "TCP port 22 to answer (the connection was refused)"
	Searched string // the mark up to which its console was searched; empty: it was not
	// Ran tells that the agent was asked to run Command, or may have been: who asks writes that down.
	Ran bool
}

// Command is what an agent is asked to run.
var Command = []string{"true"}

// Watch looks at the nodes of one network on one host.
type Watch struct {
	VNI   uint32
	Nodes []Node
	// Turn grows by one with every look, so that another node's agent or port is asked first.
	Turn int
}

// Look sees once which nodes have met their gates. Machines are asked about last, so that one that went off in between is not ready, and
// readiness is bound to the start identity it was seen with. An error is of the host.
func (w Watch) Look(ctx context.Context, d provisioner.Driver) (map[uuid.UUID]Seen, error) {
	found := make(map[uuid.UUID]*Seen, len(w.Nodes))
	for _, n := range w.Nodes {
		found[n.ID] = &Seen{Waits: n.Gate.Awaits()}
	}
	for _, part := range []func(context.Context, provisioner.Driver, map[uuid.UUID]*Seen) error{w.leased, w.printed, w.asked} {
		if err := part(ctx, d, found); err != nil {
			return nil, err
		}
	}
	o, err := d.Observe(ctx)
	if err != nil {
		return nil, err
	}
	for _, m := range o.Nodes {
		if s := found[m.ID]; s != nil {
			s.Machine = m
		}
	}
	all := make(map[uuid.UUID]Seen, len(found))
	for id, s := range found {
		if s.Machine.State != provisioner.MachineRunning {
			s.Met, s.Detail = false, "" // also where it met its gate before: it is not ready now
		}
		if s.Met {
			s.Waits = ""
		}
		all[id] = *s
	}
	return all, nil
}

// of gives the nodes with gates of some kinds.
func (w Watch) of(kinds ...provisioner.GateKind) (list []Node) {
	for _, n := range w.Nodes {
		for _, k := range kinds {
			if n.Gate.Kind == k {
				list = append(list, n)
			}
		}
	}
	return list
}

// leased looks for the nodes' addresses in what the host's DHCP gave.
func (w Watch) leased(ctx context.Context, d provisioner.Driver, found map[uuid.UUID]*Seen) error {
	nodes := w.of(provisioner.GateAddress)
	if len(nodes) == 0 {
		return nil
	}
	addresses, err := d.Addresses(ctx, w.VNI)
	if err != nil {
		return err
	}
	for _, n := range nodes {
		if addresses[strings.ToLower(n.MAC.String())] == n.Address {
			found[n.ID].Met, found[n.ID].Detail = true, n.Address.String()
		}
	}
	return nil
}

// printed looks for the gates' texts in what each console got since the last look, all of which the host keeps for a while:
// text is found however much was written behind it.
func (w Watch) printed(ctx context.Context, d provisioner.Driver, found map[uuid.UUID]*Seen) error {
	nodes := w.of(provisioner.GateConsole)
	if len(nodes) == 0 {
		return nil
	}
	queries := make([]provisioner.ConsoleQuery, len(nodes))
	for i, n := range nodes {
		queries[i] = provisioner.ConsoleQuery{Node: n.ID, Find: []string{n.Gate.Text}, After: n.After}
	}
	texts, err := d.Consoles(ctx, queries)
	if err != nil {
		return err
	}
	for i, n := range nodes {
		s := found[n.ID]
		s.Searched = texts[i].Next
		if lines := texts[i].Lines; len(lines) > 0 {
			s.Met, s.Detail = true, Printable(lines[len(lines)-1])
		}
	}
	return nil
}

// asked asks agents and ports, as many as there is time for.
func (w Watch) asked(ctx context.Context, d provisioner.Driver, found map[uuid.UUID]*Seen) error {
	nodes := w.of(provisioner.GateAgent, provisioner.GatePort)
	if len(nodes) == 0 {
		return nil
	}
	mine, cancel := context.WithTimeout(ctx, askFor)
	defer cancel()
	var all sync.WaitGroup
	slots, errs := make(chan struct{}, atOnce), make([]error, len(nodes))
	for i := range nodes {
		at := (i + w.Turn*atOnce) % len(nodes)
		n := nodes[at]
		select {
		case slots <- struct{}{}:
		case <-mine.Done():
			continue // the next look begins elsewhere
		}
		all.Go(func() {
			defer func() { <-slots }()
			if n.Gate.Kind == provisioner.GateAgent {
				errs[at] = n.askAgent(mine, d, found[n.ID])
			} else {
				errs[at] = n.askPort(mine, d, w.VNI, found[n.ID])
			}
		})
	}
	all.Wait()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if mine.Err() != nil {
		return nil // what was cut is asked again
	}
	return errors.Join(errs...)
}

// askAgent sees whether the guest's agent answers. An error is of a host that does not.
func (n Node) askAgent(ctx context.Context, d provisioner.Driver, s *Seen) error {
	_, err := d.Exec(ctx, n.ID, provisioner.Command{Argv: Command, Limits: provisioner.CommandLimits{Time: oneAsk, Stdout: 256, Stderr: 256}})
	switch {
	case err == nil:
		s.Met, s.Detail, s.Ran = true, "its agent answers", true
	case errors.Is(err, provisioner.ErrGuestRefused):
		s.Met, s.Detail = true, "its agent answers, and runs no commands"
	case errors.Is(err, provisioner.ErrNoAgent):
		s.saw(provisioner.ErrNoAgent.Error())
	case errors.Is(err, provisioner.ErrGuestTime):
		s.Ran = true
		s.saw("it let a question wait")
	case errors.Is(err, provisioner.ErrGuestNonsense):
		s.Ran = true
		s.saw(provisioner.ErrGuestNonsense.Error())
	default:
		return s.host(err)
	}
	return nil
}

// askPort sees whether somebody answers at the node's port.
func (n Node) askPort(ctx context.Context, d provisioner.Driver, vni uint32, s *Seen) error {
	p, err := d.Probe(ctx, provisioner.Probe{VNI: vni, Guest: n.Address, Port: uint16(n.Gate.Port), Within: oneAsk})
	if err != nil {
		return s.host(err)
	}
	if p.Answers {
		s.Met, s.Detail = true, fmt.Sprintf("port %d answers", n.Gate.Port)
		return nil
	}
	s.saw(p.Why)
	return nil
}

func (s *Seen) saw(what string) {
	if what != "" {
		s.Waits += " (" + Printable([]byte(what)) + ")"
	}
}

// host takes what kept a host from asking: one that does not answer is an error, another is what was seen.
func (s *Seen) host(err error) error {
	var refused *provisioner.HostError
	switch {
	case errors.As(err, &refused):
		s.saw("its host could not ask: " + refused.Detail)
	case errors.Is(err, provisioner.ErrNoSuchNode), errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
	default:
		return err
	}
	return nil
}

// Printable is a line that a guest wrote, without what a terminal takes for commands, and cut.
func Printable(line []byte) string {
	text := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\uFFFD' {
			return -1
		}
		return r
	}, string(line))
	for len(text) > evident {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	return text
}
