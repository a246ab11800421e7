package provisioner

import (
	"net"

	"github.com/google/uuid"
)

// Role is what a node is in its cluster.
type Role string

// The roles of nodes: one head, and compute nodes in any number of groups.
const (
	RoleHead    Role = "head"
	RoleCompute Role = "compute"
)

// NodeState is where one virtual machine is on its way.
type NodeState string

// The states of a node, in the order it takes them.
const (
	NodeReserved NodeState = "reserved" // has a host, address and MAC; nothing on the host yet
	NodeStarting NodeState = "starting" // being made or booting
	NodeReady    NodeState = "ready"    // its gate was met
	NodePausing  NodeState = "pausing"  // its vCPUs are to stand
	NodePaused   NodeState = "paused"   // they stand; memory and disk stay, and nothing is billed until its life is proven again
	NodeStopping NodeState = "stopping"
	NodeStopped  NodeState = "stopped" // the disk stays
	NodeLost     NodeState = "lost"    // its host does not answer; ends as stopped or ready
	NodeFailed   NodeState = "failed"  // gate missed, or the host refused it
	NodeGone     NodeState = "gone"    // nothing of it is left on its host
)

// NodeStep is one line of what became of a node: a state that it came to, or one of the two below.
type NodeStep string

// The steps of a start that are no states.
const (
	StepMade NodeStep = "made" // its disk and its machine are on its host, and it boots
	StepGate NodeStep = "gate" // its gate was met; the cluster is ready when those of all nodes are
)

// Shape is the size of a node.
type Shape struct {
	VCPUs     int `json:"vcpus"`
	MemoryMiB int `json:"memory_mib"`
	DiskGiB   int `json:"disk_gib"`
}

// NodeSpec is all a host needs to make and start one node. The domain's UUID is the node's.
type NodeSpec struct {
	ID           uuid.UUID
	ClusterID    uuid.UUID
	Name         string // "compute-001"
	Shape        Shape
	Acceleration Acceleration
	MachineType  string // "q35", or a versioned one of the pool
	CPU          string // a named CPU model; empty takes the driver's default for the acceleration
	ImageDigest  string // canonical digest (lower-case hex SHA-256) of the base image, already ensured
	// Firmware is what starts that image. Where it is UEFI the host keeps the node's UEFI variables beside its disk, as long as
	// the disk: in a file of their own, outside every storage pool.
	Firmware Firmware
	VNI      uint32 // its network, already ensured
	MAC      net.HardwareAddr
	Seed     []byte // the NoCloud seed, an ISO 9660 image labelled cidata
}
