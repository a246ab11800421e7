package reconcile

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"volary.dev/provisioner"
)

// world is a cluster's truth: what its hosts carry and what the database says. It performs actions as the worker
// does, and lets any of them fail or be forgotten.
type world struct {
	c        Cluster
	networks map[uuid.UUID]bool
	open     map[uuid.UUID]bool
	images   map[HostImage]bool
	machines map[uuid.UUID]MachineSeen // absent: nothing there
	deaf     map[uuid.UUID]bool        // ignores the power button
	ready    map[uuid.UUID]bool        // nodes that were
	before   Observed                  // what the step was taken by
	more     []Node                    // a second batch, not asked for yet
	now      time.Time
}

func newWorld(t *rapid.T) *world {
	w := &world{
		networks: map[uuid.UUID]bool{}, open: map[uuid.UUID]bool{}, images: map[HostImage]bool{},
		machines: map[uuid.UUID]MachineSeen{}, deaf: map[uuid.UUID]bool{}, ready: map[uuid.UUID]bool{}, now: start,
	}
	w.c = Cluster{Published: rapid.Bool().Draw(t, "published"), Batches: []Batch{{ID: first, GateDeadline: start.Add(5 * time.Minute)}}}
	w.c.Nodes = w.batch(t, first, 0, rapid.IntRange(1, 5).Draw(t, "nodes"))
	w.more = w.batch(t, second, 5, rapid.IntRange(1, 3).Draw(t, "more nodes"))
	return w
}

func (w *world) batch(t *rapid.T, id uuid.UUID, from, count int) (nodes []Node) {
	for i := from; i < from+count; i++ {
		host := byte(rapid.IntRange(1, 3).Draw(t, "host"))
		n := Node{ID: uuid.UUID{0, byte(i)}, Batch: id, Desired: provisioner.DesiredRunning, Host: uuid.UUID{host}, HostName: fmt.Sprintf("h%d", host), Name: fmt.Sprintf("n%d", i), Role: provisioner.RoleCompute, State: provisioner.NodeReserved, ImageDigest: "d"}
		if i == 0 {
			n.Role = provisioner.RoleHead
		}
		w.deaf[n.ID] = rapid.Bool().Draw(t, "deaf")
		nodes = append(nodes, n)
	}
	return nodes
}

func (w *world) node(id uuid.UUID) *Node {
	for i := range w.c.Nodes {
		if w.c.Nodes[i].ID == id {
			return &w.c.Nodes[i]
		}
	}
	return nil
}

// scale asks for the second batch, as of a cluster whose first one is ready.
func (w *world) scale() {
	if slices.ContainsFunc(w.c.Nodes, func(n Node) bool { return n.runs(provisioner.NodeReady) }) && !w.c.Paused && len(w.c.Batches) == 1 {
		w.c.Batches = append(w.c.Batches, Batch{ID: second, GateDeadline: w.now.Add(5 * time.Minute)})
		w.c.Nodes = append(w.c.Nodes, w.more...)
	}
}

// fail undoes a batch, as FailBatch does.
func (w *world) fail(batch uuid.UUID) {
	for i := range w.c.Nodes {
		if n := &w.c.Nodes[i]; n.Batch == batch {
			n.Desired = provisioner.DesiredGone
			if n.State == provisioner.NodeReserved || n.State == provisioner.NodeStarting {
				n.State = provisioner.NodeFailed
			}
		}
	}
}

// perform does an action. Where seen is nil the process dies before it can remember what it did.
func (w *world) perform(t *rapid.T, a Action, o *Observed) {
	switch a.Kind {
	case EnsureNetwork:
		w.networks[a.Host], w.open[a.Host] = true, a.Open
		if o != nil {
			o.Networks[a.Host] = map[bool]NetworkSeen{false: NetworkClosed, true: NetworkOpen}[a.Open]
		}
	case EnsureImage:
		w.images[HostImage{a.Host, a.Digest}] = true
		if o != nil {
			o.Images[HostImage{a.Host, a.Digest}] = true
		}
	case EnsureNode:
		n := w.node(a.Node)
		if !w.networks[a.Host] || !w.images[HostImage{a.Host, n.ImageDigest}] {
			t.Fatalf("node %s started before its network and image", n.Name)
		}
		if n.Desired != provisioner.DesiredRunning {
			t.Fatalf("node %s started, and it is to be %s", n.Name, n.Desired)
		}
		if n.State == provisioner.NodeReserved {
			n.State = provisioner.NodeStarting
		}
		if w.machines[a.Node] != MachinePaused {
			w.machines[a.Node] = MachineRunning
		}
		if o != nil {
			o.Nodes[a.Node] = NodeSeen{Machine: MachineRunning}
		}
	case DeleteNode:
		if n := w.node(a.Node); n.Desired != provisioner.DesiredGone {
			t.Fatalf("node %s deleted, and it is to be %s", n.Name, n.Desired)
		}
		delete(w.machines, a.Node)
		if o != nil {
			o.Nodes[a.Node] = NodeSeen{Machine: MachineGone}
		}
	case DeleteNetwork:
		for _, n := range w.c.Nodes {
			if (w.machines[n.ID] == MachineRunning || w.machines[n.ID] == MachinePaused || n.Desired == provisioner.DesiredRunning) && n.Host == a.Host {
				t.Fatalf("network deleted under %s", n.Name)
			}
		}
		delete(w.networks, a.Host)
		if o != nil {
			o.Networks[a.Host] = NetworkGone
		}
	default:
		w.watch(t, a, o)
	}
}

// watch performs what looks at machines, ends them, or writes to the database.
func (w *world) watch(t *rapid.T, a Action, o *Observed) {
	switch a.Kind {
	case WatchGates, Observe:
		for _, n := range w.c.Nodes {
			if n.Host != a.Host || o == nil {
				continue
			}
			seen := o.Nodes[n.ID]
			if seen.Machine = w.machines[n.ID]; seen.Machine == MachineUnknown {
				seen.Machine = MachineOff
			}
			seen.Met = seen.Met || a.Kind == WatchGates && seen.Machine == MachineRunning && rapid.Bool().Draw(t, "met")
			o.Nodes[n.ID] = seen
		}
	case PowerOff:
		if n := w.node(a.Node); n.Desired != provisioner.DesiredStopped {
			t.Fatalf("node %s powered off, and it is to be %s", n.Name, n.Desired)
		}
		if a.Force || !w.deaf[a.Node] && w.machines[a.Node] != MachinePaused {
			w.machines[a.Node] = MachineOff
		}
		if o != nil {
			seen := o.Nodes[a.Node]
			seen.AskedLast = w.now
			if seen.AskedAt.IsZero() {
				seen.AskedAt = w.now
			}
			o.Nodes[a.Node] = seen
		}
	case Suspend, Resume, MarkPaused:
		w.pauses(t, a, o)
	case MarkReady:
		for i, n := range w.c.Nodes {
			switch {
			case n.Batch != a.Batch:
			case w.machines[n.ID] != MachineRunning || !w.networks[n.Host]:
				t.Fatalf("marked ready while %s does not run", n.Name)
			default:
				w.c.Nodes[i].State, w.ready[n.ID] = provisioner.NodeReady, true
			}
		}
	case MarkStopped:
		for i, n := range w.c.Nodes {
			if n.Desired == provisioner.DesiredStopped && n.State != provisioner.NodeStopped {
				if w.machines[n.ID] == MachineRunning {
					t.Fatalf("%s marked stopped while it runs", n.Name)
				}
				w.c.Nodes[i].State = provisioner.NodeStopped
			}
		}
		if o != nil {
			o.Stopped = true
		}
	case MarkGone:
		gone := Removed(w.c, w.before)
		w.c.Nodes = slices.DeleteFunc(w.c.Nodes, func(n Node) bool { return slices.Contains(gone, n.ID) })
		if o != nil {
			*o = NewObserved() // the networks of the others are to be made without their names
		}
	case Fail:
		w.fail(a.Batch)
	}
}

// pauses performs what a pause takes, and its end.
func (w *world) pauses(t *rapid.T, a Action, o *Observed) {
	from, to := MachineRunning, MachinePaused
	switch a.Kind {
	case MarkPaused:
		for _, id := range Standing(w.c, w.before) {
			if w.machines[id] == MachineRunning {
				t.Fatalf("%s marked paused while it runs", w.node(id).Name)
			}
			w.node(id).State = provisioner.NodePaused
		}
		return
	case Resume:
		if !w.networks[a.Host] {
			t.Fatalf("%s goes on without its network", w.node(a.Node).Name)
		}
		from, to = to, from
	}
	if w.machines[a.Node] == from {
		w.machines[a.Node] = to
	}
	if o != nil {
		seen := o.Nodes[a.Node]
		seen.Machine = w.machines[a.Node]
		o.Nodes[a.Node] = seen
	}
}

// pause is what a provider's staff ask for; resume takes it back.
func (w *world) pause() {
	if w.c.Paused || !slices.ContainsFunc(w.c.Nodes, func(n Node) bool { return n.Desired == provisioner.DesiredRunning }) {
		return
	}
	w.c.Paused = true
	for i := range w.c.Nodes {
		if n := &w.c.Nodes[i]; n.runs(provisioner.NodeStarting, provisioner.NodeReady, provisioner.NodePaused) {
			n.State = provisioner.NodePausing
		}
	}
}

func (w *world) resume() {
	if !w.c.Paused {
		return
	}
	w.c.Paused = false
	for i := range w.c.Nodes {
		if n := &w.c.Nodes[i]; n.State == provisioner.NodePausing || n.State == provisioner.NodePaused {
			n.State = provisioner.NodeStarting
			if w.ready[n.ID] {
				n.State = provisioner.NodePaused
			}
		}
	}
}

// round makes ready what went on.
func (w *world) round() {
	for i, n := range w.c.Nodes {
		if n.State == provisioner.NodePaused && !w.c.Paused && w.machines[n.ID] != MachinePaused {
			w.c.Nodes[i].State = provisioner.NodeReady
		}
	}
}

// disturb is one turn in which anything may go wrong.
func (w *world) disturb(t *rapid.T, o *Observed) {
	w.before = *o
	for _, a := range Step(w.c, *o, w.now) {
		switch rapid.IntRange(0, 9).Draw(t, "fate of "+string(a.Kind)) {
		case 0: // not begun: the process died, or it is still under way
		case 1:
			o.Failures[a] = o.Failures[a].After(w.now, FaultSilent, "silent")
		case 2:
			o.Failures[a] = o.Failures[a].After(w.now, rapid.SampledFrom([]Fault{FaultRefused, FaultOurs}).Draw(t, "whose"), "refused")
		case 3: // done, and the process died before it knew
			w.perform(t, a, nil)
			*o = NewObserved()
			return
		default:
			w.perform(t, a, o)
			delete(o.Failures, a)
		}
	}
	w.now = w.now.Add(time.Duration(rapid.IntRange(0, 20).Draw(t, "seconds")) * time.Second)
	switch rapid.IntRange(0, 30).Draw(t, "event") {
	case 0:
		w.want(provisioner.DesiredStopped)
		*o = NewObserved()
	case 1:
		w.want(provisioner.DesiredGone)
		*o = NewObserved()
	case 3, 4, 5:
		w.pause()
		*o = NewObserved()
	case 6, 7:
		w.resume()
		*o = NewObserved()
	case 8, 9, 10:
		w.scale()
		*o = NewObserved()
	case 2: // a host restarts
		for id := range w.machines {
			w.machines[id] = MachineOff
		}
		w.networks, w.open = map[uuid.UUID]bool{}, map[uuid.UUID]bool{}
		*o = NewObserved()
	}
}

// want asks for the same of every node, which ends a pause.
func (w *world) want(d provisioner.Desired) {
	w.c.Paused = false
	for i := range w.c.Nodes {
		n := &w.c.Nodes[i]
		if n.Desired == provisioner.DesiredGone {
			continue
		}
		n.Desired = d
		if n.State == provisioner.NodePausing || n.State == provisioner.NodePaused {
			n.State = provisioner.NodeStopping
		}
	}
}

func TestEveryClusterConverges(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t)
		o := NewObserved()
		for range rapid.IntRange(0, 25).Draw(t, "disturbed turns") {
			w.disturb(t, &o)
		}
		o = NewObserved() // another worker takes over, and nothing goes wrong any more
		settled := false
		for turn := 0; turn < 200 && !settled; turn++ {
			w.before = o
			actions := Step(w.c, o, w.now)
			for _, a := range actions {
				switch a.Kind {
				case Settled:
					settled = true
				case Wait:
					w.now = a.Until
				default:
					w.perform(t, a, &o)
				}
			}
			w.now = w.now.Add(time.Second)
			if actions[0].Records() {
				o.Failures = map[Action]Failure{}
			}
		}
		if !settled {
			t.Fatalf("not settled: %+v", Step(w.c, o, w.now))
		}
		w.round()
		w.checkEnd(t)
	})
}

func (w *world) checkEnd(t *rapid.T) {
	nodes := make([]provisioner.NodeStanding, len(w.c.Nodes))
	for i, n := range w.c.Nodes {
		nodes[i] = provisioner.NodeStanding{Desired: n.Desired, State: n.State}
	}
	switch state := provisioner.DeriveClusterState(w.c.Paused, nodes); state {
	case provisioner.ClusterReady:
		for _, n := range w.c.Nodes {
			if !w.networks[n.Host] {
				t.Fatalf("ready, and %s has no network", n.Name)
			}
		}
		if w.c.Published && !w.open[w.c.Nodes[0].Host] {
			t.Fatal("ready, and SSH is not published")
		}
	case provisioner.ClusterPaused:
		for _, n := range w.c.Nodes {
			if w.machines[n.ID] == MachineRunning || n.State == provisioner.NodePausing {
				t.Fatalf("paused, and %s is %s and runs: %t", n.Name, n.State, w.machines[n.ID] == MachineRunning)
			}
		}
	case provisioner.ClusterStopped:
		if w.c.Nodes[0].Desired == provisioner.DesiredStopped && len(w.networks) > 0 {
			t.Fatalf("stopped, and left are networks %v", w.networks)
		}
		for _, n := range w.c.Nodes {
			if w.machines[n.ID] == MachineRunning || w.machines[n.ID] == MachinePaused {
				t.Fatalf("stopped, and %s runs", n.Name)
			}
		}
	case provisioner.ClusterGone:
		if len(w.machines)+len(w.networks) > 0 {
			t.Fatalf("gone, and left are machines %v, networks %v", w.machines, w.networks)
		}
	default:
		t.Fatalf("ended as %s", state)
	}
}
