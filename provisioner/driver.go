package provisioner

import (
	"context"
	"errors"
	"io"
	"net/netip"

	"github.com/google/uuid"
)

// Driver reaches one host. Every method is idempotent and may be called again after a process died in the
// middle of it: Ensure methods make what is missing and leave what is right, Delete methods succeed where there
// is nothing. drivertest.Exercise is the contract; libvirt, memory and qemu meet it. Methods are safe for concurrent
// use. A call that the host does not answer returns ErrHostUnreachable (as an *Unreached where more is known), and the next one
// finds back to it if it can; where another machine answers than the address names, it is ErrAnotherMachine and nothing is done there; one that the host
// refuses returns a *HostError.
type Driver interface {
	// Enrolment asks the host's own hook who the host is. It makes nothing there: no pool, no network, no file.
	Enrolment(ctx context.Context) (Enrolment, error)
	// Facts asks the host what it is.
	Facts(ctx context.Context) (HostFacts, error)

	// EnsureNetwork makes or changes the cluster's network and returns when the host reports that it has applied
	// n.Generation.
	EnsureNetwork(ctx context.Context, n Network) error
	// DeleteNetwork removes the network, its bridge, VXLAN device and nftables table.
	DeleteNetwork(ctx context.Context, vni uint32) error

	// NetworkReport tells what the host's own rules have counted at the edge of a network of ours since it started there. A *HostError
	// where the network is not there.
	NetworkReport(ctx context.Context, vni uint32) (NetworkReport, error)

	// EnsureImage puts a base image into the host's storage once. open is called only where the host lacks it;
	// the bytes are hashed as they stream and refused where they differ from digest.
	EnsureImage(ctx context.Context, digest string, size int64, open func(context.Context) (io.ReadCloser, error)) error
	// Images lists the base images in the host's storage, in no order, what is left of ones that were not written to their
	// end, and how full that storage is.
	Images(ctx context.Context) (HostImages, error)
	// DeleteImage removes a base image, or what is left of one, and refuses where an overlay stands on it.
	DeleteImage(ctx context.Context, digest string) error

	// HashImage reads a base image as it lies on the host and gives its SHA-256, in lower-case hex: its digest, where nothing changed it. The
	// host's own file is read whole, for as long as ctx allows; nothing of it is kept. A *HostError where the host has no such image.
	HashImage(ctx context.Context, digest string) (string, error)

	// EnsureNode makes the node's overlay and seed where they are missing, defines its domain and starts it where
	// it does not run. The disk of a stopped node is kept and used again.
	EnsureNode(ctx context.Context, n NodeSpec) error
	// StopNode asks the guest to power off and returns at once; with force it ends the machine now.
	StopNode(ctx context.Context, id uuid.UUID, force bool) error
	// SuspendNode stops the vCPUs of a running machine and returns when they stand: memory, disk, network and start identity
	// stay. ResumeNode lets them go on, whoever stopped them, also where the host itself halted the machine. Neither starts
	// or ends a machine: for one that is off both do nothing.
	SuspendNode(ctx context.Context, id uuid.UUID) error
	ResumeNode(ctx context.Context, id uuid.UUID) error
	// DeleteNode ends the machine and removes its domain, overlay, seed, UEFI variables and all that is kept of its console. With
	// wipe what overlay and variables have of the host's disk is overwritten with zeros first: while that goes on it returns
	// ErrWiping, and is to be called again.
	DeleteNode(ctx context.Context, id uuid.UUID, wipe bool) error

	// Observe reports every node and network of ours on the host in one bulk call, and what of a start's needs the host
	// lacks. A storage pool that is not active is started; what lacks is what could not be.
	Observe(ctx context.Context) (Observation, error)
	// Addresses gives what DHCP gave in a network, by lower-case MAC: only of guests that asked since they were last
	// started. One that was only renewed for an hour may be missing: it shows that a guest came up, not that it lives.
	Addresses(ctx context.Context, vni uint32) (map[string]netip.Addr, error)

	// Console attaches to the node's console; a second attachment ends the first.
	Console(ctx context.Context, id uuid.UUID) (io.ReadWriteCloser, error)
	// Consoles answers all queries at once and in their order: what nodes wrote to their consoles, which the host keeps
	// whether anyone looks or not, and caps. A host is asked at most once a second; who asks meanwhile is answered with the
	// next question.
	Consoles(ctx context.Context, queries []ConsoleQuery) ([]ConsoleText, error)

	// Exec has the guest's own agent run a command, and returns how it ended. It needs an agent in the image and a machine that runs
	// and was started with the agent's port, as every start since 2026-11-30 is.
	//
	// ErrNoAgent: no agent can be spoken to, and nothing was run. ErrGuestRefused: the agent said no, in its words. ErrGuestTime: no end was
	// seen within c.Limits.Time; whatever was begun may go on. Where the image has timeout(1) the program is killed there soon
	// after, with its process group if that is coreutils'; where it has not, and for what has left the group, nobody ends it. What
	// such a program still writes is lost. ErrGuestNonsense: the agent answered what no agent would, or left before its answer. After
	// either of the two the command may have run: it is asked for again only where twice does no harm.
	//
	// A guest can make these calls slow and wrong, and nothing else: one is made of a node at a time, they have connections of
	// their own to the host, and few of them.
	Exec(ctx context.Context, id uuid.UUID, c Command) (CommandResult, error)

	// Probe has the host itself, which is the only one that reaches into a sealed network, see whether a node of its own answers at a
	// TCP port, or lets somebody sign in. The host's hook does so beside its other work, a few at once: a probe may wait for its
	// turn, and then takes at most p.Within. What the guest did is the answer; an error is of the host, ErrProbe where nothing was asked.
	Probe(ctx context.Context, p Probe) (Probed, error)

	Close() error
}

// Dial opens the driver of a host. The worker wires libvirt, memory or both behind it, by scheme.
type Dial func(ctx context.Context, a HostAddress) (Driver, error)

// HostImages are the base images in a host's storage, where its nodes' disks are, too.
type HostImages struct {
	List       []HostImage
	Size, Free int64 // bytes of the storage; Free as it is now, whatever disks may still grow to
}

// HostImage is a base image in a host's storage.
type HostImage struct {
	Digest string // canonical
	Whole  bool   // false: being written, or what a broken upload left
	Bytes  int64  // that it takes of the storage
}

// MachineState is what a host reports of a domain.
type MachineState string

// The machine states that matter to us.
const (
	MachineRunning MachineState = "running"
	MachinePaused  MachineState = "paused" // somebody suspended it: we, or someone at the host
	MachineHalted  MachineState = "halted" // its vCPUs stand though nobody suspended it; Why says what the host says
	MachineOff     MachineState = "off"
	MachineCrashed MachineState = "crashed"
)

// Observation is one host's answer in one round.
type Observation struct {
	Nodes    []NodeObservation
	Networks []NetworkObservation
	Machine  Machine // who answered; its Key is Nil as long as its hook has not told it
	// Lacks says, in a sentence without its full stop, what keeps the host from starting any node: a storage pool that
	// is not active, a disk that is full, a hook that does not answer. Empty where nothing does.
	Lacks string
}

// LeastDiskGiB is what has to be free on a host's disk: a base image and one small disk.
const LeastDiskGiB = 2

// NodeObservation is one domain of ours.
type NodeObservation struct {
	ID    uuid.UUID
	State MachineState
	// StartID changes each time the machine is started, whoever started it; empty unless running, paused or halted.
	StartID string
	// Why is the reason for a halted machine, without its full stop; empty for others.
	Why string
	// Cold tells that the machine is off and the host knows of no end of it: the host was started since it last ran.
	Cold bool
}

// NetworkObservation is one network of ours.
type NetworkObservation struct {
	VNI    uint32
	Active bool
}

// The sentinels of a driver.
var (
	ErrHostUnreachable = errors.New("host does not answer")
	ErrNoSuchNode      = errors.New("no such node on this host")
	ErrImageDigest     = errors.New("image bytes differ from their digest")
	ErrWiping          = errors.New("the node's disk is still being overwritten")
	ErrConsoleTaken    = errors.New("another viewer took over the console")
	ErrNoAgent         = errors.New("no agent in the guest answers")
	ErrGuestRefused    = errors.New("the guest's agent refused")
	ErrGuestTime       = errors.New("the command did not end in its time")
	ErrGuestNonsense   = errors.New("the guest's agent gave an answer that is none")
)

// HostError is a host's refusal: what was asked of it and its own words.
type HostError struct {
	Op     string // "start node compute-001"
	Detail string // the host's words, as people read them (Discreet)
	Err    error
	Cause  string // the host's words in full, for the worker's log alone; empty: Detail says all
}

func (e *HostError) Error() string { return e.Op + ": " + e.Detail }

func (e *HostError) Unwrap() error { return e.Err }
