package provisioner

import (
	"fmt"
	"slices"
)

// ClusterState is derived from a cluster's nodes by DeriveClusterState and never set beside them.
type ClusterState string

// The states of a cluster.
const (
	ClusterWaiting  ClusterState = "waiting"
	ClusterStarting ClusterState = "starting"
	ClusterReady    ClusterState = "ready"
	ClusterDegraded ClusterState = "degraded"
	ClusterPaused   ClusterState = "paused" // by its provider
	ClusterStopping ClusterState = "stopping"
	ClusterStopped  ClusterState = "stopped"
	ClusterFailed   ClusterState = "failed"
	ClusterGone     ClusterState = "gone"
)

// Desired is what the organization (or an ended lease, or its provider) wants of a node, or was last asked of a whole cluster.
type Desired string

// What can be wanted.
const (
	DesiredRunning Desired = "running"
	DesiredPaused  Desired = "paused" // of a whole cluster, by its provider alone: what is wanted of its nodes waits for its end
	DesiredStopped Desired = "stopped"
	DesiredGone    Desired = "gone"
)

// BatchKind is what made a batch: the nodes that are wanted together, all of them or none.
type BatchKind string

// The kinds of batches. What a failed one undoes is in FailsTo.
const (
	BatchLaunch  BatchKind = "launch"  // the first nodes of a cluster
	BatchScale   BatchKind = "scale"   // nodes in addition to those of a running one
	BatchReplace BatchKind = "replace" // nodes in the place of others
	BatchRestart BatchKind = "restart" // nodes that were stopped, with their disks
)

// FailsTo is what is wanted of the nodes of a batch that failed: those that were new go, those that had been stopped keep
// their disks.
func (k BatchKind) FailsTo() Desired {
	if k == BatchRestart {
		return DesiredStopped
	}
	return DesiredGone
}

// NodeStanding is what is wanted of a node beside the state that it is in.
type NodeStanding struct {
	Desired Desired // running, stopped or gone
	State   NodeState
}

// DeriveClusterState is the one rule by which a cluster's state follows from its nodes, and from whether its provider paused
// it. Rows of gone nodes do not count, nor do nodes that are to go while others stay; nodes on their way up do not make a
// cluster less ready whose other nodes are. The database's cluster_state is the same.
func DeriveClusterState(paused bool, nodes []NodeStanding) ClusterState {
	var left, kept, run, settled standings
	for _, n := range nodes {
		if n.State == NodeGone {
			continue
		}
		left = append(left, n)
		if n.Desired == DesiredGone {
			continue
		}
		kept = append(kept, n)
		if n.Desired != DesiredRunning {
			continue
		}
		run = append(run, n)
		if n.State != NodeReserved && n.State != NodeStarting {
			settled = append(settled, n)
		}
	}
	switch {
	case len(left) == 0:
		return ClusterGone
	case len(kept) == 0:
		return ClusterStopping
	case !paused && slices.Contains(run, NodeStanding{DesiredRunning, NodeFailed}):
		return ClusterFailed
	case paused:
		return ClusterPaused
	case kept.all(NodeStopped):
		return ClusterStopped
	case len(run) == 0:
		return ClusterStopping
	case run.all(NodeReserved):
		return ClusterWaiting
	case len(settled) == 0:
		return ClusterStarting
	case settled.all(NodeReady):
		return ClusterReady
	default:
		return ClusterDegraded
	}
}

type standings []NodeStanding

func (list standings) all(s NodeState) bool {
	return !slices.ContainsFunc(list, func(n NodeStanding) bool { return n.State != s })
}

// Reason says why a cluster or node is in its state. Every terminal state carries one.
type Reason string

// The reasons, each with a sentence in ReasonText.
const (
	ReasonNone          Reason = ""
	ReasonAsked         Reason = "asked"          // a member stopped or deleted it
	ReasonLeaseEnded    Reason = "lease_ended"    //
	ReasonGateMissed    Reason = "gate_missed"    // not every node met its gate in time
	ReasonHostLost      Reason = "host_lost"      // a host stopped answering
	ReasonHostRestarted Reason = "host_restarted" // the host came back without the machine running
	ReasonStartedAnew   Reason = "started_anew"   // somebody started its machine on the host, and nobody vouches for that
	ReasonHostRefused   Reason = "host_refused"   // a host refused to make or start a node
	ReasonGuestOff      Reason = "guest_off"      // the guest powered itself off
	ReasonTestEnded     Reason = "test_ended"     // an acceptance test was over
	ReasonStaff         Reason = "staff"          // the provider's staff ended it
	ReasonPaused        Reason = "paused"         // the provider's staff paused it
	ReasonPausedOnHost  Reason = "paused_on_host" // somebody suspended its machine on the host, and Volary was not asked
	ReasonHalted        Reason = "halted"         // the host stopped its vCPUs by itself, as for a disk that is full
	ReasonSuspended     Reason = "suspended"      // the platform suspended the organization
	ReasonVersion       Reason = "version"        // what the version says of a node makes no seed
	ReasonPlatform      Reason = "platform"       // our own database or image store did not work for long
)

// ReasonText is the sentence a page shows for a reason.
func ReasonText(r Reason) string {
	switch r {
	case ReasonAsked:
		return "asked by a member"
	case ReasonLeaseEnded:
		return "lease ended"
	case ReasonGateMissed:
		return "not every node became ready in time"
	case ReasonHostLost:
		return "host does not answer"
	case ReasonHostRestarted:
		return "host restarted"
	case ReasonStartedAnew:
		return "its machine was started anew on the host"
	case ReasonHostRefused:
		return "host refused"
	case ReasonGuestOff:
		return "guest powered off"
	case ReasonTestEnded:
		return "acceptance test over"
	case ReasonStaff:
		return "ended by the provider"
	case ReasonPaused:
		return "paused by the provider"
	case ReasonPausedOnHost:
		return "paused on its host by hand"
	case ReasonHalted:
		return "its host halted the machine"
	case ReasonSuspended:
		return "organization suspended"
	case ReasonVersion:
		return "its version cannot be started"
	case ReasonPlatform:
		return "fault of the platform"
	default:
		return ""
	}
}

// GateKind is how readiness of a node is known.
type GateKind string

// The gates. The first two need nothing of the image but what libvirt shows.
const (
	GateAddress GateKind = "address" // the guest took its address by DHCP
	GateConsole GateKind = "console" // the given text appeared on the console
	GateAgent   GateKind = "agent"   // the guest's agent answers
	GatePort    GateKind = "port"    // somebody takes a connection at a TCP port, as its host sees from within the network
)

// Gate decides when a node is ready, and until when it may take.
type Gate struct {
	Kind           GateKind `json:"kind"`
	Text           string   `json:"text,omitempty"` // literal text for GateConsole, at most 200 bytes
	Port           int      `json:"port,omitempty"` // for GatePort, 1 to 65535
	TimeoutSeconds int      `json:"timeout_seconds"`
}

// Awaits says what a node waits for that has not met the gate: "TCP port 22 to answer".
func (g Gate) Awaits() string {
	switch g.Kind {
	case GateAddress:
		return "an address by DHCP"
	case GateConsole:
		return fmt.Sprintf("%q on its console", g.Text)
	case GateAgent:
		return "its guest agent to answer"
	case GatePort:
		return fmt.Sprintf("TCP port %d to answer", g.Port)
	}
	return "nothing"
}
