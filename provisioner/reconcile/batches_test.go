package reconcile

import (
	"slices"
	"testing"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner"
)

var (
	h3     = uuid.UUID{3}
	second = uuid.UUID{22}
)

// grown is a cluster of a head on h1 and a compute node on h2 whose first batch is ready, and whose second one, of a node on h2
// and one on h3, is on its way.
func grown(states ...provisioner.NodeState) Cluster {
	c := two(provisioner.DesiredRunning, provisioner.NodeReady, provisioner.NodeReady)
	c.Batches = append(c.Batches, Batch{ID: second})
	c.Nodes = append(c.Nodes,
		Node{ID: uuid.UUID{13}, Batch: second, Desired: provisioner.DesiredRunning, Host: h2, HostName: "h2", Name: "compute-002", Role: provisioner.RoleCompute, State: states[0], ImageDigest: "d"},
		Node{ID: uuid.UUID{14}, Batch: second, Desired: provisioner.DesiredRunning, Host: h3, HostName: "h3", Name: "compute-003", Role: provisioner.RoleCompute, State: states[1], ImageDigest: "d"})
	return c
}

// connected is what is seen where every network is right and every image is there.
func connected() Observed {
	o := NewObserved()
	o.Networks[h1], o.Networks[h2], o.Networks[h3] = NetworkOpen, NetworkClosed, NetworkClosed
	for _, h := range []uuid.UUID{h1, h2, h3} {
		o.Images[HostImage{h, "d"}] = true
	}
	return o
}

// TestASecondBatchFailsAlone: whatever becomes of it, what fails is the second batch and nothing is done to a node of the first.
func TestASecondBatchFailsAlone(t *testing.T) {
	const reserved, starting = provisioner.NodeReserved, provisioner.NodeStarting
	late := grown(starting, starting)
	late.Batches[1].GateDeadline = start.Add(-time.Second)
	silent := grown(reserved, reserved)
	silent.Nodes[3].HostSilent = true
	unfit := grown(reserved, reserved)
	unfit.Nodes[3].HostUnfit = "the network hook does not answer"
	off := grown(starting, provisioner.NodeStopped)
	failure := func(a Action, f Failure) Observed {
		o := connected()
		o.Failures[a] = f
		return o
	}
	refused := Failure{Count: maxRefusals, Since: start, At: start, Fault: FaultRefused, Detail: "no memory"}
	hung := Failure{Count: 9, Since: start, At: start.Add(3 * maxSilence), Fault: FaultSilent}
	for _, c := range []struct {
		name   string
		c      Cluster
		o      Observed
		reason provisioner.Reason
	}{
		{"gate missed", late, connected(), provisioner.ReasonGateMissed},
		{"host silent", silent, connected(), provisioner.ReasonHostLost},
		{"host unfit", unfit, connected(), provisioner.ReasonHostRefused},
		{"guest off", off, connected(), provisioner.ReasonGuestOff},
		{"host refuses", grown(starting, starting), failure(Action{Kind: EnsureNode, Host: h3, Node: uuid.UUID{14}}, refused), provisioner.ReasonHostRefused},
		{"a host of the first cannot be connected", grown(starting, starting), failure(Action{Kind: EnsureNetwork, Host: h1, Open: true}, hung), provisioner.ReasonHostLost},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Step(c.c, c.o, start)
			if len(got) != 1 || got[0].Kind != Fail || got[0].Batch != second || got[0].Reason != c.reason || got[0].Detail == "" {
				t.Errorf("Step = %+v", got)
			}
		})
	}
}

func TestASecondBatchComesUpBesideTheFirst(t *testing.T) {
	const reserved, starting, ready, lost, stopped = provisioner.NodeReserved, provisioner.NodeStarting, provisioner.NodeReady, provisioner.NodeLost, provisioner.NodeStopped
	met := connected()
	met.Nodes[uuid.UUID{13}], met.Nodes[uuid.UUID{14}] = NodeSeen{Machine: MachineRunning, Met: true}, NodeSeen{Machine: MachineRunning, Met: true}
	one := connected()
	one.Nodes[uuid.UUID{13}], one.Nodes[uuid.UUID{14}] = NodeSeen{Machine: MachineRunning, Met: true}, NodeSeen{Machine: MachineRunning}
	alone := grown(reserved, reserved)
	alone.Nodes[0].State, alone.Nodes[1].State = lost, stopped
	cut := met
	cut.Networks = map[uuid.UUID]NetworkSeen{h2: NetworkClosed, h3: NetworkClosed}
	elsewhere := connected()
	elsewhere.Failures[Action{Kind: DeleteNode, Host: h1, Node: uuid.UUID{9}}] = Failure{Count: 9, Since: start.Add(-time.Hour), At: start, Fault: FaultSilent}
	for _, c := range []struct {
		name string
		c    Cluster
		o    Observed
		want string
	}{
		{"every network is told of the new nodes first", grown(reserved, reserved), NewObserved(), "ensure image, ensure image, ensure network, ensure network, ensure network"},
		{"they start", grown(reserved, reserved), connected(), "ensure node, ensure node"},
		{"one is not enough", grown(starting, starting), one, "watch gates"},
		{"they become ready together", grown(starting, starting), met, "mark ready"},
		{"not before the head's host knows them", grown(starting, starting), cut, "ensure network"},
		{"what is lost or off of the first does not hold them up", alone, connected(), "ensure node, ensure node"},
		{"nor what is deleted elsewhere", grown(reserved, reserved), elsewhere, "ensure node, ensure node"},
		{"all ready", grown(ready, ready), connected(), "settled"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := Step(c.c, c.o, start)
			if kinds(got) != c.want {
				t.Errorf("Step = %s, want %s", kinds(got), c.want)
			}
			if got[0].Kind == MarkReady && got[0].Batch != second {
				t.Errorf("ready is %+v", got[0])
			}
			for _, a := range got {
				if a.Kind == EnsureNetwork && a.Open != (a.Host == h1) {
					t.Errorf("%+v: the head's port is to stay open", a)
				}
			}
		})
	}
}

// TestAFailedBatchIsUndoneAlone follows the second batch out: its machines, the network of the host that it had to itself, its rows.
func TestAFailedBatchIsUndoneAlone(t *testing.T) {
	c := grown(provisioner.NodeFailed, provisioner.NodeFailed)
	c.Nodes[2].Desired, c.Nodes[3].Desired = provisioner.DesiredGone, provisioner.DesiredGone
	o := connected()
	want := []Action{{Kind: DeleteNode, Host: h2, Node: uuid.UUID{13}}, {Kind: DeleteNode, Host: h3, Node: uuid.UUID{14}}}
	if got := Step(c, o, start); !slices.Equal(got, want) {
		t.Fatalf("first %+v", got)
	}
	o.Nodes[uuid.UUID{13}], o.Nodes[uuid.UUID{14}] = NodeSeen{Machine: MachineGone}, NodeSeen{Machine: MachineGone}
	if got := Step(c, o, start); !slices.Equal(got, []Action{{Kind: DeleteNetwork, Host: h3}}) {
		t.Fatalf("then %+v", got)
	}
	o.Networks[h3] = NetworkGone
	if got := Step(c, o, start); !slices.Equal(got, []Action{{Kind: MarkGone}}) || len(Removed(c, o)) != 2 {
		t.Fatalf("at last %+v, %v", got, Removed(c, o))
	}
	c.Nodes = c.Nodes[:2]
	if got := Step(c, o, start); kinds(got) != "settled" {
		t.Errorf("after it %+v", got)
	}
}

// TestOneThatCannotBeDeletedKeepsNoOther: a host that does not answer keeps its own node and network alone.
func TestOneThatCannotBeDeletedKeepsNoOther(t *testing.T) {
	c := grown(provisioner.NodeFailed, provisioner.NodeFailed)
	c.Nodes[2].Desired, c.Nodes[3].Desired = provisioner.DesiredGone, provisioner.DesiredGone
	o := connected()
	o.Nodes[uuid.UUID{13}] = NodeSeen{Machine: MachineGone}
	if got := Step(c, o, start); kinds(got) != "delete node" {
		t.Fatalf("first %+v", got)
	}
	o.Failures[Action{Kind: DeleteNode, Host: h3, Node: uuid.UUID{14}}] = Failure{Count: 1, Since: start, At: start, Fault: FaultSilent}
	if got := Step(c, o, start); kinds(got) != "mark gone" || !slices.Equal(Removed(c, o), []uuid.UUID{{13}}) {
		t.Fatalf("then %+v, %v", got, Removed(c, o))
	}
	c.Nodes = slices.Delete(c.Nodes, 2, 3)
	if got := Step(c, o, start); kinds(got) != "wait" {
		t.Errorf("after it %+v", got)
	}
}
