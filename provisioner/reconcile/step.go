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
// time helps one Wait. What is wanted of one node does not wait for what is wanted of another.
func Step(c Cluster, o Observed, now time.Time) []Action {
	p := plan{c: c, o: o, now: now}
	if c.Paused {
		p.pause()
	} else {
		p.remove()
		p.stop()
		p.run()
	}
	switch {
	case p.record.Kind != "":
		return []Action{p.record}
	case len(p.actions) > 0:
		return p.actions
	case !p.until.IsZero():
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
	record  Action    // stands alone
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

// alone has an action stand alone. Of several the first does, an urgent one before the others: the next step has the rest.
func (p *plan) alone(a Action) {
	if p.record.Kind == "" || a.Urgent() && !p.record.Urgent() {
		p.record = a
	}
}

// run brings every pending batch up, or gives it up as a whole, and keeps right what runs.
func (p *plan) run() {
	var pending []Node
	for _, batch := range p.pendingBatches() {
		list := p.pendingOf(batch)
		if t := p.hopeless(batch, list); t.reason != provisioner.ReasonNone {
			a := Action{Kind: Fail, Batch: batch, Reason: t.reason, Detail: t.detail}
			if t.host != uuid.Nil && len(Stuck(p.c, p.o, batch, t.host, t.reason)) > 0 {
				a.Kind, a.Host = Replace, t.host
			}
			p.alone(a)
		}
		pending = append(pending, list...)
	}
	connected := p.connect()
	for _, batch := range p.pendingBatches() {
		if connected && !slices.ContainsFunc(p.pendingOf(batch), func(n Node) bool { return !p.o.Nodes[n.ID].Met }) {
			p.alone(Action{Kind: MarkReady, Batch: batch})
		}
	}
	p.start(pending)
	p.goOn()
}

// pendingBatches are those with nodes on their way up, in the order of the nodes.
func (p *plan) pendingBatches() []uuid.UUID {
	var ids []uuid.UUID
	for _, n := range p.c.Nodes {
		if n.pending() && !slices.Contains(ids, n.Batch) {
			ids = append(ids, n.Batch)
		}
	}
	return ids
}

func (p *plan) pendingOf(batch uuid.UUID) []Node {
	return p.nodes(func(n Node) bool { return n.Batch == batch && n.pending() })
}

// connect makes the network of every host right whose nodes run or are on their way up, and tells whether each is: before,
// nothing is called ready, since nodes must reach one another. The head's SSH port opens once its node is ready. What is
// lost has no network to be made right before its host answers again.
func (p *plan) connect() bool {
	right := true
	for _, host := range p.hosts(p.nodes(func(n Node) bool {
		return n.pending() || n.runs(provisioner.NodeReady, provisioner.NodePaused)
	})) {
		seen, open := p.o.Networks[host], p.publishes(host)
		right = right && (seen == NetworkClosed || seen == NetworkOpen)
		if seen != NetworkOpen && (seen != NetworkClosed || open) {
			p.do(Action{Kind: EnsureNetwork, Host: host, Open: open})
		}
	}
	return right
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

// goOn lets the machines of paused nodes go on. That they live again is the round's to see: it makes them ready.
func (p *plan) goOn() {
	look := map[uuid.UUID]bool{}
	paused := p.nodes(func(n Node) bool { return n.runs(provisioner.NodePaused) })
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
		return n.Host == host && n.Role == provisioner.RoleHead && n.runs(provisioner.NodeReady, provisioner.NodePaused)
	})
}

// trouble is why a batch cannot succeed as it is placed. host is set where it is a host's, and others may do.
type trouble struct {
	reason provisioner.Reason
	detail string
	host   uuid.UUID
}

// hopeless tells why a batch cannot succeed any more, if so. What becomes of the nodes of others is no reason.
func (p *plan) hopeless(batch uuid.UUID, pending []Node) trouble {
	for _, n := range p.c.Nodes {
		switch {
		case n.Batch != batch || n.Desired != provisioner.DesiredRunning:
		case n.State == provisioner.NodeStopped:
			return trouble{reason: provisioner.ReasonGuestOff, detail: n.Name + " powered off while it was starting with others."}
		case n.State == provisioner.NodeLost:
			return trouble{reason: provisioner.ReasonHostLost, detail: n.silence()}
		case n.HostSilent && n.pending():
			return trouble{provisioner.ReasonHostLost, n.silence(), n.Host}
		case n.HostUnfit != "" && n.State == provisioner.NodeReserved:
			return trouble{provisioner.ReasonHostRefused, n.HostName + ": " + n.HostUnfit, n.Host}
		}
	}
	if t := p.givenUp(pending); t.reason != provisioner.ReasonNone {
		return t
	}
	return p.late(batch, pending)
}

func (n Node) silence() string {
	return fmt.Sprintf("%s does not answer, and %s is to run there.", n.HostName, n.Name)
}

// late tells which nodes missed their gate.
func (p *plan) late(batch uuid.UUID, pending []Node) trouble {
	deadline := p.deadline(batch)
	if deadline.IsZero() || p.now.Before(deadline) {
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

func (p *plan) deadline(batch uuid.UUID) time.Time {
	for _, b := range p.c.Batches {
		if b.ID == batch {
			return b.GateDeadline
		}
	}
	return time.Time{}
}

// givenUp tells which host was asked often and long enough for a batch. Of several the first by name, so that the answer
// does not depend on the order of a map.
func (p *plan) givenUp(pending []Node) (t trouble) {
	first := ""
	for a, f := range p.o.Failures {
		name := p.hostName(a.Host)
		if !concerns(a, pending) || t.reason != provisioner.ReasonNone && name >= first {
			continue
		}
		host, patience := a.Host, maxSilence
		if !slices.ContainsFunc(pending, func(n Node) bool { return n.Host == host }) {
			// Placing what is pending elsewhere does not help. By then rounds have told whether the nodes there are lost, and
			// nobody waits for those.
			host, patience = uuid.Nil, 3*maxSilence
		}
		switch {
		case f.Fault == FaultSilent && f.At.Sub(f.Since) >= patience:
			first, t = name, trouble{provisioner.ReasonHostLost, name + " does not answer.", host}
		case f.Fault == FaultRefused && f.Count >= maxRefusals:
			first, t = name, trouble{provisioner.ReasonHostRefused, name + ": " + f.Detail, host}
		case f.Fault == FaultVersion:
			first, t = name, trouble{reason: provisioner.ReasonVersion, detail: f.Detail}
		case f.Fault == FaultOurs && f.At.Sub(f.Since) >= maxOwn:
			first, t = name, trouble{reason: provisioner.ReasonPlatform, detail: "For " + maxOwn.String() + ": " + f.Detail}
		}
	}
	return t
}

// concerns tells whether pending nodes wait for an action: one for them or for their host, or a network, since they have to
// reach the nodes of every host. What is stopped or deleted meanwhile holds nobody up.
func concerns(a Action, pending []Node) bool {
	switch a.Kind {
	case EnsureNetwork:
		return true
	case EnsureNode, Resume:
		return slices.ContainsFunc(pending, func(n Node) bool { return n.ID == a.Node })
	case EnsureImage:
		return slices.ContainsFunc(pending, func(n Node) bool { return n.Host == a.Host && n.ImageDigest == a.Digest })
	case WatchGates:
		return slices.ContainsFunc(pending, func(n Node) bool { return n.Host == a.Host })
	default:
		return false
	}
}

// Stuck lists the nodes of a batch that a host cannot start and that may be placed elsewhere; none where that would not help.
// What is reserved has left nothing on its host. What is starting may be placed elsewhere only where the host itself said
// that it does not start it: on a silent one it may be running.
func Stuck(c Cluster, o Observed, batch, host uuid.UUID, reason provisioner.Reason) []uuid.UUID {
	var stuck []uuid.UUID
	for _, n := range c.Nodes {
		refused := o.Failures[Action{Kind: EnsureNode, Host: host, Node: n.ID}].Fault == FaultRefused
		switch {
		case n.Host != host || n.Batch != batch || !n.pending():
		case n.State == provisioner.NodeReserved && n.Movable,
			n.State == provisioner.NodeStarting && n.Movable && refused && reason == provisioner.ReasonHostRefused:
			stuck = append(stuck, n.ID)
		case n.State == provisioner.NodeReserved, n.State == provisioner.NodeStarting && (reason == provisioner.ReasonHostLost || refused):
			return nil // this one stays, and the batch fails all the same
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
	left := p.nodes(func(n Node) bool { return n.State == provisioner.NodePausing })
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

// stop powers the machines of nodes that are to be stopped off, politely first; one that stands would not notice.
func (p *plan) stop() {
	nodes := p.nodes(func(n Node) bool { return n.Desired == provisioner.DesiredStopped })
	if len(nodes) == 0 {
		return
	}
	off, left, running := 0, 0, map[uuid.UUID]bool{}
	for _, n := range nodes {
		if n.State == provisioner.NodeStopped {
			continue
		}
		left++
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
	p.look(nodes, running)
	// With a host that does not answer its nodes stay as they are: their runs ended with their last proof of life.
	// Where every node is stopped already (their host restarted) the end of their use is still to be recorded.
	switch {
	case off < left:
	case !p.o.Stopped:
		p.alone(Action{Kind: MarkStopped})
	default:
		p.disconnect(nodes)
	}
}

// disconnect deletes the networks of stopped nodes whose hosts have no other of the cluster. A network without machines
// goes, too: with it the addresses that it remembers as leased, which the next start would take for its own. The next
// start makes it anew.
func (p *plan) disconnect(stopped []Node) {
	for _, host := range p.hosts(stopped) {
		others := p.nodes(func(n Node) bool {
			return n.Host == host && (n.Desired == provisioner.DesiredRunning || n.Desired == provisioner.DesiredGone && p.o.Nodes[n.ID].Machine != MachineGone)
		})
		if len(others) == 0 && p.o.Networks[host] != NetworkGone {
			p.do(Action{Kind: DeleteNetwork, Host: host})
		}
	}
}

// remove deletes the nodes that are to go, then the network of each host that has no other node of the cluster, then says
// so: at once for all, and without those whose hosts do not do their part.
func (p *plan) remove() {
	going := p.nodes(func(n Node) bool { return n.Desired == provisioner.DesiredGone })
	if len(going) == 0 {
		return
	}
	before, left := len(p.actions), map[uuid.UUID]bool{}
	for _, n := range going {
		if p.o.Nodes[n.ID].Machine != MachineGone {
			left[n.Host] = true
			p.do(Action{Kind: DeleteNode, Host: n.Host, Node: n.ID})
		}
	}
	for _, host := range p.hosts(going) {
		if !left[host] && !staysOn(p.c, host) && p.o.Networks[host] != NetworkGone {
			p.do(Action{Kind: DeleteNetwork, Host: host})
		}
	}
	if gone := len(Removed(p.c, p.o)); gone == len(going) || gone > 0 && len(p.actions) == before {
		p.alone(Action{Kind: MarkGone})
	}
}

// Removed lists the nodes that are to go and of which nothing is left: no machine, and no network on a host where no other
// node of the cluster stays.
func Removed(c Cluster, o Observed) []uuid.UUID {
	var list []uuid.UUID
	for _, n := range c.Nodes {
		if n.Desired == provisioner.DesiredGone && o.Nodes[n.ID].Machine == MachineGone && (staysOn(c, n.Host) || o.Networks[n.Host] == NetworkGone) {
			list = append(list, n.ID)
		}
	}
	return list
}

// staysOn tells whether a node of the cluster stays on the host.
func staysOn(c Cluster, host uuid.UUID) bool {
	return slices.ContainsFunc(c.Nodes, func(n Node) bool { return n.Host == host && n.Desired != provisioner.DesiredGone })
}

// nodes gives those that are so, in their order.
func (p *plan) nodes(are func(Node) bool) []Node {
	var some []Node
	for _, n := range p.c.Nodes {
		if are(n) {
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
