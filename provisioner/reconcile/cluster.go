package reconcile

import (
	"slices"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner"
)

// Cluster is what the database says of a cluster.
type Cluster struct {
	Paused    bool // by its provider: what is wanted of its nodes waits
	Published bool // the head's SSH port opens once its node is ready
	Attempts  int  // how often reconciling was put off before; lengthens the pauses
	Batches   []Batch
	Nodes     []Node // those that are not gone
}

// Batch is what is known of nodes that are wanted together.
type Batch struct {
	ID           uuid.UUID
	GateDeadline time.Time // zero until the first of its nodes starts
}

// Node is one node of a Cluster.
type Node struct {
	ID          uuid.UUID
	Batch       uuid.UUID // of its present start
	Desired     provisioner.Desired
	Host        uuid.UUID
	HostName    string
	HostSilent  bool   // its host missed its rounds
	HostUnfit   string // what its host lacks for a start, by its last round; empty: nothing
	Movable     bool   // it was never ready, and was not placed elsewhere before
	Name        string
	Role        provisioner.Role
	State       provisioner.NodeState
	ImageDigest string
}

// pending tells whether the node is on its way up.
func (n Node) pending() bool {
	return n.runs(provisioner.NodeReserved, provisioner.NodeStarting)
}

// runs tells whether the node is to run and is in one of the states.
func (n Node) runs(states ...provisioner.NodeState) bool {
	return n.Desired == provisioner.DesiredRunning && slices.Contains(states, n.State)
}

// Observed is what this process has seen and done for the cluster since it took it up. The zero value is nothing.
type Observed struct {
	Networks map[uuid.UUID]NetworkSeen // by host
	Images   map[HostImage]bool        // on the host for certain
	Nodes    map[uuid.UUID]NodeSeen
	Stopped  bool               // MarkStopped was done
	Failures map[Action]Failure // of actions that failed last time; removed when they succeed
}

// NewObserved makes an Observed whose maps can be written.
func NewObserved() Observed {
	return Observed{
		Networks: map[uuid.UUID]NetworkSeen{}, Images: map[HostImage]bool{},
		Nodes: map[uuid.UUID]NodeSeen{}, Failures: map[Action]Failure{},
	}
}

// NetworkSeen is what became of a cluster's network on a host.
type NetworkSeen string

// What a network was seen to be.
const (
	NetworkUnknown NetworkSeen = ""
	NetworkClosed  NetworkSeen = "closed" // made, without published ports
	NetworkOpen    NetworkSeen = "open"   // made, with them
	NetworkGone    NetworkSeen = "gone"
)

// HostImage is a base image on a host.
type HostImage struct {
	Host   uuid.UUID
	Digest string
}

// NodeSeen is what was seen of a node's machine.
type NodeSeen struct {
	Machine MachineSeen
	Met     bool // its gate, in its present start
	// Waits says for what its gate waits, and what was seen of that; empty: nobody looked yet.
	Waits string
	// AskedAt and AskedLast are when its guest was asked to power off first and last; zero: not yet.
	AskedAt, AskedLast time.Time
}

// MachineSeen is what became of a node's machine.
type MachineSeen string

// What a machine was seen to be.
const (
	MachineUnknown MachineSeen = ""
	MachineRunning MachineSeen = "running"
	MachinePaused  MachineSeen = "paused" // suspended by somebody
	MachineHalted  MachineSeen = "halted" // its vCPUs stand for the host's own reasons
	MachineOff     MachineSeen = "off"    // or absent: nothing to stop
	MachineGone    MachineSeen = "gone"
)

// Failure is the last failure of an action.
type Failure struct {
	Count  int
	Since  time.Time // of the first in a row
	At     time.Time // of the last
	Fault  Fault
	Detail string // the host's words
}

// Fault says whose a failure is.
type Fault string

// Whose a failure may be. Only what the host said or did not say counts against the host.
const (
	FaultRefused Fault = "refused" // the host said no
	FaultSilent  Fault = "silent"  // the host did not answer
	FaultOurs    Fault = "ours"    // our own database or image store: the host was not even asked
	FaultVersion Fault = "version" // no seed can be made of what the version says: it will be so at each try
)
