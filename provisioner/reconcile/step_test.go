package reconcile

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner"
)

var (
	start = time.Date(2026, 3, 29, 0, 59, 0, 0, time.UTC)
	h1    = uuid.UUID{1}
	h2    = uuid.UUID{2}
	first = uuid.UUID{21}
)

// two is a cluster of a head on h1 and a compute node on h2.
func two(want provisioner.Desired, states ...provisioner.NodeState) Cluster {
	paused := want == provisioner.DesiredPaused
	if paused {
		want = provisioner.DesiredRunning
	}
	return Cluster{Paused: paused, Published: true, Batches: []Batch{{ID: first}}, Nodes: []Node{
		{ID: uuid.UUID{11}, Batch: first, Desired: want, Host: h1, HostName: "h1", Name: "head", Role: provisioner.RoleHead, State: states[0], ImageDigest: "d"},
		{ID: uuid.UUID{12}, Batch: first, Desired: want, Host: h2, HostName: "h2", Name: "compute-001", Role: provisioner.RoleCompute, State: states[1], ImageDigest: "d"},
	}}
}

func both(o Observed, machine MachineSeen, met bool) Observed {
	for _, id := range []uuid.UUID{{11}, {12}} {
		o.Nodes[id] = NodeSeen{Machine: machine, Met: met}
	}
	return o
}

func kinds(actions []Action) string {
	var words []string
	for _, a := range actions {
		words = append(words, string(a.Kind))
	}
	slices.Sort(words)
	return strings.Join(words, ", ")
}

func TestStep(t *testing.T) {
	const (
		reserved, starting, ready = provisioner.NodeReserved, provisioner.NodeStarting, provisioner.NodeReady
		stopping, stopped         = provisioner.NodeStopping, provisioner.NodeStopped
		lost                      = provisioner.NodeLost
		run, stop, remove         = provisioner.DesiredRunning, provisioner.DesiredStopped, provisioner.DesiredGone
	)
	networks := func(o Observed, s NetworkSeen) Observed { o.Networks[h1], o.Networks[h2] = s, s; return o }
	images := func(o Observed) Observed {
		o.Images[HostImage{h1, "d"}], o.Images[HostImage{h2, "d"}] = true, true
		return o
	}
	made := func() Observed { return images(networks(NewObserved(), NetworkClosed)) }
	late := two(run, starting, starting)
	late.Batches[0].GateDeadline = start.Add(-time.Second)
	asked := both(NewObserved(), MachineRunning, false)
	deaf := NewObserved()
	deaf.Nodes[uuid.UUID{11}] = NodeSeen{Machine: MachineRunning, AskedAt: start.Add(-ForceAfter)}
	deaf.Nodes[uuid.UUID{12}] = NodeSeen{Machine: MachineOff}
	asleep := NewObserved()
	asleep.Nodes[uuid.UUID{11}] = NodeSeen{Machine: MachineRunning, AskedAt: start.Add(-askAgain), AskedLast: start.Add(-askAgain)}
	asleep.Nodes[uuid.UUID{12}] = NodeSeen{Machine: MachineRunning, AskedAt: start.Add(-askAgain), AskedLast: start.Add(-time.Second)}
	half := images(NewObserved())
	half.Networks[h2] = NetworkClosed
	refused := made()
	refused.Failures[Action{Kind: EnsureNode, Host: h2, Node: uuid.UUID{12}}] = Failure{Count: 3, Since: start, At: start, Fault: FaultRefused, Detail: "no memory"}
	pausing := made()
	pausing.Failures[Action{Kind: EnsureNode, Host: h2, Node: uuid.UUID{12}}] = Failure{Count: 1, Since: start, At: start, Fault: FaultRefused, Detail: "no memory"}
	down := two(run, reserved, reserved)
	down.Nodes[1].HostSilent = true
	halfOff := NewObserved()
	halfOff.Nodes[uuid.UUID{11}] = NodeSeen{Machine: MachineOff}
	halfOff.Failures[Action{Kind: Observe, Host: h2}] = Failure{Count: 1, Since: start, At: start, Fault: FaultSilent}
	open := NewObserved()
	open.Networks[h1], open.Networks[h2] = NetworkOpen, NetworkClosed

	recorded := networks(NewObserved(), NetworkGone)
	recorded.Stopped = true

	for _, c := range []struct {
		name string
		c    Cluster
		o    Observed
		want string
	}{
		{"a launch begins on both hosts at once", two(run, reserved, reserved), NewObserved(), "ensure image, ensure image, ensure network, ensure network"},
		{"a host does not wait for the other", two(run, reserved, reserved), half, "ensure network, ensure node"},
		{"nodes start", two(run, reserved, reserved), made(), "ensure node, ensure node"},
		{"gates are watched", two(run, starting, starting), both(made(), MachineRunning, false), "watch gates, watch gates"},
		{"every gate met", two(run, starting, starting), both(made(), MachineRunning, true), "mark ready"},
		{"ready by a dead worker's word", two(run, ready, ready), NewObserved(), "ensure network, ensure network"},
		{"ready by our own word", two(run, ready, ready), made(), "ensure network"},
		{"published", two(run, ready, ready), open, "settled"},
		{"late", late, both(made(), MachineRunning, false), "fail"},
		{"late, but met in time", late, both(made(), MachineRunning, true), "mark ready"},
		{"refused once", two(run, starting, starting), pausing, "ensure node"},
		{"refused for good", two(run, starting, starting), refused, "fail"},
		{"a host is down", down, NewObserved(), "fail"},
		{"a node is lost during the launch", two(run, starting, lost), NewObserved(), "fail"},
		{"a node is lost later", two(run, ready, lost), open, "settled"},
		{"a host restarted", two(run, stopped, stopped), NewObserved(), "settled"},
		{"a stop looks first", two(stop, stopping, stopping), NewObserved(), "observe, observe"},
		{"a stop asks and goes on looking", two(stop, stopping, stopping), asked, "observe, observe, power off, power off"},
		{"a guest that was not up yet is asked again", two(stop, stopping, stopping), asleep, "observe, observe, power off"},
		{"a deaf guest is forced", two(stop, stopping, stopping), deaf, "observe, power off"},
		{"all are off", two(stop, stopping, stopping), both(NewObserved(), MachineOff, false), "mark stopped"},
		{"a silent host is waited for", two(stop, stopping, lost), halfOff, "wait"},
		{"stopped by a restart of their host", two(stop, stopped, stopped), NewObserved(), "mark stopped"},
		{"recorded", two(stop, stopped, stopped), Observed{Stopped: true}, "delete network, delete network"},
		{"stopped", two(stop, stopped, stopped), recorded, "settled"},
		{"a guest powers off during the launch", two(run, starting, stopped), NewObserved(), "fail"},
		{"a delete begins with the nodes", two(remove, ready, reserved), NewObserved(), "delete node, delete node"},
		{"then the networks", two(remove, ready, reserved), both(NewObserved(), MachineGone, false), "delete network, delete network"},
		{"then it is gone", two(remove, ready, reserved), both(networks(NewObserved(), NetworkGone), MachineGone, false), "mark gone"},
		{"gone", Cluster{}, NewObserved(), "settled"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := kinds(Step(c.c, c.o, start)); got != c.want {
				t.Errorf("Step = %s, want %s", got, c.want)
			}
		})
	}
}

// TestStepPauses takes clusters into a provider's pause and out of it.
func TestStepPauses(t *testing.T) {
	const (
		reserved, starting, ready = provisioner.NodeReserved, provisioner.NodeStarting, provisioner.NodeReady
		stopping                  = provisioner.NodeStopping
		pausing, paused           = provisioner.NodePausing, provisioner.NodePaused
		run, pause, stop          = provisioner.DesiredRunning, provisioner.DesiredPaused, provisioner.DesiredStopped
	)
	on := func(s NetworkSeen) Observed {
		o := NewObserved()
		o.Networks[h1], o.Networks[h2] = s, s
		o.Images[HostImage{h1, "d"}], o.Images[HostImage{h2, "d"}] = true, true
		return o
	}
	half := NewObserved()
	half.Nodes[uuid.UUID{11}] = NodeSeen{Machine: MachinePaused}
	late := two(pause, paused, reserved)
	late.Batches[0].GateDeadline = start.Add(-time.Second)
	for _, c := range []struct {
		name string
		c    Cluster
		o    Observed
		want string
	}{
		{"a pause looks first", two(pause, pausing, pausing), NewObserved(), "observe, observe"},
		{"a pause suspends what runs", two(pause, pausing, pausing), both(NewObserved(), MachineRunning, false), "suspend, suspend"},
		{"what stands is written down before the other host has answered", two(pause, pausing, pausing), half, "mark paused"},
		{"a pause takes what its host halted for standing", two(pause, pausing, pausing), both(NewObserved(), MachineHalted, false), "mark paused"},
		{"a pause waits for no start", two(pause, pausing, reserved), both(NewObserved(), MachineOff, false), "mark paused"},
		{"a pause starts nothing, late or not", late, on(NetworkClosed), "settled"},
		{"paused", two(pause, paused, paused), NewObserved(), "settled"},
		{"what goes on gets its networks first", two(run, paused, paused), both(NewObserved(), MachinePaused, false), "ensure network, ensure network"},
		{"what goes on is looked at", two(run, paused, paused), on(NetworkOpen), "observe, observe"},
		{"and let go on", two(run, paused, paused), both(on(NetworkOpen), MachinePaused, false), "resume, resume"},
		{"what its host halted, too", two(run, ready, paused), both(on(NetworkOpen), MachineHalted, false), "resume"},
		{"what goes on is the round's to see", two(run, paused, paused), both(on(NetworkOpen), MachineRunning, false), "settled"},
		{"a launch goes on", two(run, starting, starting), both(on(NetworkClosed), MachinePaused, false), "resume, resume"},
		{"a launch that its host halts is watched", two(run, starting, starting), both(on(NetworkClosed), MachineHalted, false), "watch gates, watch gates"},
		{"a stop ends at once what stands", two(stop, stopping, stopping), both(NewObserved(), MachinePaused, false), "observe, observe, power off, power off"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := kinds(Step(c.c, c.o, start)); got != c.want {
				t.Errorf("Step = %s, want %s", got, c.want)
			}
		})
	}
}

func TestFailureNamesReasonAndHost(t *testing.T) {
	c := two(provisioner.DesiredRunning, provisioner.NodeReserved, provisioner.NodeReserved)
	network := Action{Kind: EnsureNetwork, Host: h2}
	for _, f := range []struct {
		failure Failure
		reason  provisioner.Reason
		detail  string
	}{
		{Failure{Count: 3, Since: start, At: start, Fault: FaultRefused, Detail: "network 7: no hook"}, provisioner.ReasonHostRefused, "h2: network 7: no hook"},
		{Failure{Count: 9, Since: start, At: start.Add(maxSilence), Fault: FaultSilent}, provisioner.ReasonHostLost, "h2 does not answer."},
		{Failure{Count: 1, Since: start, At: start, Fault: FaultVersion, Detail: "The user-data is not UTF-8 text."}, provisioner.ReasonVersion, "The user-data is not UTF-8 text."},
		{Failure{Count: 9, Since: start, At: start.Add(maxOwn), Fault: FaultOurs, Detail: "no connection to the database"}, provisioner.ReasonPlatform, "For 10m0s: no connection to the database"},
	} {
		o := NewObserved()
		o.Failures[network] = f.failure
		got := Step(c, o, start)
		if len(got) != 1 || got[0].Kind != Fail || got[0].Batch != first || got[0].Reason != f.reason || got[0].Detail != f.detail {
			t.Errorf("Step = %+v", got)
		}
	}
}

func TestPausesGrowAndAreNamed(t *testing.T) {
	c := two(provisioner.DesiredGone, provisioner.NodeReady, provisioner.NodeReady)
	c.Nodes = c.Nodes[:1]
	o := NewObserved()
	remove := Action{Kind: DeleteNode, Host: h1, Node: uuid.UUID{11}}
	var f Failure
	last := time.Duration(0)
	for range 12 {
		f = f.After(start, FaultSilent, "silent")
		o.Failures[remove] = f
		got := Step(c, o, start)
		if len(got) != 1 || got[0].Kind != Wait {
			t.Fatalf("Step = %+v", got)
		}
		pause := got[0].Until.Sub(start)
		if pause < last || pause > 15*time.Second {
			t.Errorf("pause %s after %s", pause, last)
		}
		if again := Step(c, o, got[0].Until); again[0] != remove {
			t.Errorf("after the pause: %+v", again)
		}
		last = pause
	}
	if last != 15*time.Second {
		t.Errorf("the last pause is %s", last)
	}
}
