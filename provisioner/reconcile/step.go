package reconcile

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner"
)

// Step names what to do now. It never returns nothing: where all is as wanted it is one Settled, and where only
// time helps one Wait.
func Step(c Cluster, o Observed, now time.Time) []Action {
	p := plan{c: c, o: o, now: now}
	switch c.Desired {
	case provisioner.DesiredRunning:
		p.run()
	case provisioner.DesiredPaused:
		p.pause()
	case provisioner.DesiredStopped:
		p.stop()
	default:
		p.remove()
	}
	if len(p.actions) > 0 {
		return p.actions
	}
	if !p.until.IsZero() {
		return []Action{{Kind: Wait, Until: p.until}}
	}
	return []Action{{Kind: Settled}}
}

// plan is the state of one Step.
type plan struct {
	c       Cluster
	o       Observed
	now     time.Time
	actions []Action
	until   time.Time // the earliest time at which an action that is put off may be tried
}

// do adds an action, unless it failed so lately that it has to wait.
func (p *plan) do(a Action) {
	if f, failed := p.o.Failures[a]; failed {
		// Only a host that does not answer is a reason to be slower than before this process took the cluster up.
		n := f.Count
		if f.Fault == FaultSilent {
			n += p.c.Attempts
		}
		if again := f.At.Add(Backoff(n)); again.After(p.now) {
			if p.until.IsZero() || again.Before(p.until) {
				p.until = again
			}
			return
		}
	}
	p.actions = append(p.actions, a)
}

func (p *plan) alone(a Action) { p.actions = []Action{a} }

// run brings every pending node up, or gives the launch up as a whole.
func (p *plan) run() {
	pending := p.nodes(provisioner.NodeReserved, provisioner.NodeStarting)
	if len(pending) == 0 {
		p.publish()
		p.goOn()
		return
	}
	if t := p.hopeless(pending); t.reason != provisioner.ReasonNone {
		a := Action{Kind: Fail, Reason: t.reason, Detail: t.detail}
		if t.host != uuid.Nil && len(Stuck(p.c, p.o, t.host, t.reason)) > 0 {
			a.Kind, a.Host = Replace, t.host
		}
		p.alone(a)
		return
	}
	met := true
	for _, n := range pending {
		met = met && p.o.Nodes[n.ID].Met
	}
	// A network has to be right on every host before anything is called ready: nodes must reach one another.
	for _, host := range p.hosts(p.c.Nodes) {
		if seen := p.o.Networks[host]; seen != NetworkClosed && seen != NetworkOpen {
			met = false
			p.do(Action{Kind: EnsureNetwork, Host: host})
		}
	}
	if met {
		p.alone(Action{Kind: MarkReady})
		return
	}
	p.start(pending)
}

// start makes what each pending node still needs.
func (p *plan) start(pending []Node) {
	watch := map[uuid.UUID]bool{}
	images := map[HostImage]bool{}
	for _, n := range pending {
		image := HostImage{n.Host, n.ImageDigest}
		seen := p.o.Nodes[n.ID]
		switch {
		case seen.Met:
		case seen.Machine == MachineRunning, seen.Machine == MachineHalted:
			watch[n.Host] = true
		case seen.Machine == MachinePaused:
			p.resume(n)
		case !p.o.Images[image]:
			if !images[image] {
				images[image] = true
				p.do(Action{Kind: EnsureImage, Host: n.Host, Digest: n.ImageDigest})
			}
		case p.o.Networks[n.Host] == NetworkClosed || p.o.Networks[n.Host] == NetworkOpen:
			p.do(Action{Kind: EnsureNode, Host: n.Host, Node: n.ID})
		}
	}
	for _, host := range p.hosts(pending) {
		if watch[host] {
			p.do(Action{Kind: WatchGates, Host: host})
		}
	}
}

// publish opens the head's SSH port once its node is ready. A worker that takes up a ready cluster, as after one of its
// hosts came back, makes every network of it right first.
func (p *plan) publish() {
	for _, n := range p.nodes(provisioner.NodeReady, provisioner.NodePaused) {
		open := p.c.Published && n.Role == provisioner.RoleHead
		seen := p.o.Networks[n.Host]
		if seen == NetworkOpen || seen == NetworkClosed && !open {
			continue
		}
		if a := (Action{Kind: EnsureNetwork, Host: n.Host, Open: open || p.publishes(n.Host)}); !slices.Contains(p.actions, a) {
			p.do(a)
		}
	}
}

// goOn lets the machines of paused nodes go on. That they live again is the round's to see: it makes them ready.
func (p *plan) goOn() {
	look := map[uuid.UUID]bool{}
	paused := p.nodes(provisioner.NodePaused)
	for _, n := range paused {
		switch p.o.Nodes[n.ID].Machine {
		case MachineUnknown:
			look[n.Host] = true
		case MachinePaused, MachineHalted:
			p.resume(n)
		case MachineRunning, MachineOff, MachineGone:
		}
	}
	p.look(paused, look)
}

// resume lets a machine go on once its host has the network it is to find.
func (p *plan) resume(n Node) {
	if seen := p.o.Networks[n.Host]; seen == NetworkClosed || seen == NetworkOpen {
		p.do(Action{Kind: Resume, Host: n.Host, Node: n.ID})
	}
}

// look observes those of the nodes' hosts that are named.
func (p *plan) look(nodes []Node, at map[uuid.UUID]bool) {
	for _, host := range p.hosts(nodes) {
		if at[host] {
			p.do(Action{Kind: Observe, Host: host})
		}
	}
}

// publishes tells whether the host carries the head whose port is open.
func (p *plan) publishes(host uuid.UUID) bool {
	return p.c.Published && slices.ContainsFunc(p.c.Nodes, func(n Node) bool {
		return n.Host == host && n.Role == provisioner.RoleHead && (n.State == provisioner.NodeReady || n.State == provisioner.NodePaused)
	})
}

// trouble is why a launch cannot succeed as it is placed. host is set where it is a host's, and others may do.
type trouble struct {
	reason provisioner.Reason
	detail string
	host   uuid.UUID
}

// hopeless tells why a launch cannot succeed any more, if so.
func (p *plan) hopeless(pending []Node) trouble {
	for _, n := range p.c.Nodes {
		switch {
		case n.State == provisioner.NodeStopped:
			return trouble{reason: provisioner.ReasonGuestOff, detail: n.Name + " powered off while the cluster was starting."}
		case n.State == provisioner.NodeLost:
			return trouble{reason: provisioner.ReasonHostLost, detail: n.silence()}
		case n.HostSilent && slices.Contains(pending, n):
			return trouble{provisioner.ReasonHostLost, n.silence(), n.Host}
		case n.HostUnfit != "" && n.State == provisioner.NodeReserved:
			return trouble{provisioner.ReasonHostRefused, n.HostName + ": " + n.HostUnfit, n.Host}
		}
	}
	if t := p.givenUp(); t.reason != provisioner.ReasonNone {
		return t
	}
	return p.late(pending)
}

func (n Node) silence() string {
	return fmt.Sprintf("%s does not answer, and %s is to run there.", n.HostName, n.Name)
}

// late tells which nodes missed their gate.
func (p *plan) late(pending []Node) trouble {
	if p.c.GateDeadline.IsZero() || p.now.Before(p.c.GateDeadline) {
		return trouble{}
	}
	var late []string
	for _, n := range pending {
		if !p.o.Nodes[n.ID].Met {
			late = append(late, n.Name+p.waits(n, len(late)))
		}
	}
	if len(late) == 0 {
		return trouble{} // all were in time, only the record is missing
	}
	return trouble{reason: provisioner.ReasonGateMissed, detail: "Not ready in time: " + strings.Join(late, "; ") + "."}
}

// namedGates is of how many late nodes it is said what they wait for: of more it is most likely the same.
const namedGates = 3

// waits says for what a late node waits, where it is one of the first.
func (p *plan) waits(n Node, before int) string {
	if w := p.o.Nodes[n.ID].Waits; w != "" && before < namedGates {
		return ", which waits for " + w
	}
	return ""
}

// givenUp tells which host was asked often and long enough. Of several the first by name, so that the answer does
// not depend on the order of a map.
func (p *plan) givenUp() (t trouble) {
	first := ""
	for a, f := range p.o.Failures {
		name := p.hostName(a.Host)
		if t.reason != provisioner.ReasonNone && name >= first {
			continue
		}
		switch {
		case f.Fault == FaultSilent && f.At.Sub(f.Since) >= maxSilence:
			first, t = name, trouble{provisioner.ReasonHostLost, name + " does not answer.", a.Host}
		case f.Fault == FaultRefused && f.Count >= maxRefusals:
			first, t = name, trouble{provisioner.ReasonHostRefused, name + ": " + f.Detail, a.Host}
		case f.Fault == FaultVersion:
			first, t = name, trouble{reason: provisioner.ReasonVersion, detail: f.Detail}
		case f.Fault == FaultOurs && f.At.Sub(f.Since) >= maxOwn:
			first, t = name, trouble{reason: provisioner.ReasonPlatform, detail: "For " + maxOwn.String() + ": " + f.Detail}
		}
	}
	return t
}

// Stuck lists the nodes that a host cannot start and that may be placed elsewhere; none where that would not help. What
// is reserved has left nothing on its host. What is starting may be placed elsewhere only where the host itself said
// that it does not start it: on a silent one it may be running.
func Stuck(c Cluster, o Observed, host uuid.UUID, reason provisioner.Reason) []uuid.UUID {
	var stuck []uuid.UUID
	for _, n := range c.Nodes {
		refused := o.Failures[Action{Kind: EnsureNode, Host: host, Node: n.ID}].Fault == FaultRefused
		switch {
		case n.Host != host:
		case n.State == provisioner.NodeReserved && n.Movable,
			n.State == provisioner.NodeStarting && n.Movable && refused && reason == provisioner.ReasonHostRefused:
			stuck = append(stuck, n.ID)
		case n.State == provisioner.NodeReserved, n.State == provisioner.NodeStarting && (reason == provisioner.ReasonHostLost || refused):
			return nil // this one stays, and the launch fails all the same
		}
	}
	return stuck
}

// pause has every machine stand. What is not started yet stays so, and what is off is left to the round.
func (p *plan) pause() {
	if len(Standing(p.c, p.o)) > 0 {
		p.alone(Action{Kind: MarkPaused})
		return
	}
	look := map[uuid.UUID]bool{}
	left := p.nodes(provisioner.NodePausing)
	for _, n := range left {
		if p.o.Nodes[n.ID].Machine == MachineRunning {
			p.do(Action{Kind: Suspend, Host: n.Host, Node: n.ID})
		} else {
			look[n.Host] = true
		}
	}
	p.look(left, look)
}

// Standing lists the nodes that are to be paused and compute nothing: suspended, halted by their host, or off. One that is
// off was about to start, or went off by itself, which the round finds.
func Standing(c Cluster, o Observed) []uuid.UUID {
	var list []uuid.UUID
	for _, n := range c.Nodes {
		seen := o.Nodes[n.ID].Machine
		if n.State == provisioner.NodePausing && seen != MachineUnknown && seen != MachineRunning {
			list = append(list, n.ID)
		}
	}
	return list
}

// stop powers every machine off, politely first; one that stands would not notice.
func (p *plan) stop() {
	off, running := 0, map[uuid.UUID]bool{}
	left := p.unstopped()
	for _, n := range left {
		seen := p.o.Nodes[n.ID]
		switch seen.Machine {
		case MachineOff, MachineGone:
			off++
		case MachineUnknown:
			running[n.Host] = true
		case MachineRunning:
			running[n.Host] = true
			switch {
			case seen.AskedAt.IsZero(), p.now.Sub(seen.AskedLast) >= askAgain && p.now.Sub(seen.AskedAt) < ForceAfter:
				p.do(Action{Kind: PowerOff, Host: n.Host, Node: n.ID})
			case p.now.Sub(seen.AskedAt) >= ForceAfter:
				p.do(Action{Kind: PowerOff, Host: n.Host, Node: n.ID, Force: true})
			}
		case MachinePaused, MachineHalted:
			running[n.Host] = true
			p.do(Action{Kind: PowerOff, Host: n.Host, Node: n.ID, Force: true})
		}
	}
	p.look(p.c.Nodes, running)
	// With a host that does not answer its nodes stay as they are: their runs ended with their last proof of life.
	// Where every node is stopped already (their host restarted) the end of the cluster's use is still to be recorded.
	if off == len(left) && !p.o.Stopped {
		p.alone(Action{Kind: MarkStopped})
		return
	}
	// A network without machines goes, too: with it the addresses that it remembers as leased, which the next start
	// would take for its own. The next start makes it anew.
	for _, host := range p.hosts(p.c.Nodes) {
		if off == len(left) && p.o.Networks[host] != NetworkGone {
			p.do(Action{Kind: DeleteNetwork, Host: host})
		}
	}
}

func (p *plan) unstopped() []Node {
	return p.nodes(provisioner.NodeReserved, provisioner.NodeStarting, provisioner.NodeReady,
		provisioner.NodePausing, provisioner.NodePaused, provisioner.NodeStopping, provisioner.NodeLost, provisioner.NodeFailed)
}

// remove deletes every node, then each host's network, then says so.
func (p *plan) remove() {
	left := map[uuid.UUID]bool{}
	gone := true
	for _, n := range p.c.Nodes {
		gone = gone && n.State == provisioner.NodeGone
	}
	if gone {
		return
	}
	for _, n := range p.c.Nodes {
		if p.o.Nodes[n.ID].Machine != MachineGone {
			left[n.Host] = true
			p.do(Action{Kind: DeleteNode, Host: n.Host, Node: n.ID})
		}
	}
	networks := false
	for _, host := range p.hosts(p.c.Nodes) {
		if p.o.Networks[host] == NetworkGone {
			continue
		}
		networks = true
		if !left[host] {
			p.do(Action{Kind: DeleteNetwork, Host: host})
		}
	}
	if len(left) == 0 && !networks {
		p.alone(Action{Kind: MarkGone})
	}
}

// nodes gives those in one of the states, in their order.
func (p *plan) nodes(states ...provisioner.NodeState) []Node {
	var some []Node
	for _, n := range p.c.Nodes {
		if slices.Contains(states, n.State) {
			some = append(some, n)
		}
	}
	return some
}

// hosts gives the hosts of nodes, each once, in the order of the nodes.
func (p *plan) hosts(nodes []Node) []uuid.UUID {
	var hosts []uuid.UUID
	for _, n := range nodes {
		if !slices.Contains(hosts, n.Host) {
			hosts = append(hosts, n.Host)
		}
	}
	return hosts
}

func (p *plan) hostName(id uuid.UUID) string {
	for _, n := range p.c.Nodes {
		if n.Host == id {
			return n.HostName
		}
	}
	return ""
}
