package memory

import (
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner"
)

type refusal struct {
	calls  int
	detail string
}

// Agent is how a guest's agent behaves.
type Agent int

// What agents do. All but the first are hostile, broken or not there.
const (
	AgentAnswers Agent = iota
	AgentMissing       // from an image without one, or on a machine without its port
	AgentSilent        // never answers
	AgentFloods        // sends more than is taken of any
	AgentStrays        // answers what nobody asked
	AgentLeaves        // goes in the middle of a command
	AgentBabbles       // answers what is no JSON
	AgentDrips         // sends a byte a second
	AgentRefuses       // says no to every command
)

// SetAgents has the agents of machines that are made from now on behave so.
func (h *Host) SetAgents(a Agent) {
	h.world.mu.Lock()
	defer h.world.mu.Unlock()
	h.agents = a
}

// SetAgent has the agent of a machine behave so from now on.
func (h *Host) SetAgent(id uuid.UUID, a Agent) {
	h.world.mu.Lock()
	defer h.world.mu.Unlock()
	if m, ok := h.machines[id]; ok {
		m.agent = a
	}
}

// SetUnreachable makes every call fail with ErrHostUnreachable until it is set back. Guests run on: only the
// way to the host is cut.
func (h *Host) SetUnreachable(cut bool) {
	h.world.mu.Lock()
	defer h.world.mu.Unlock()
	h.unreachable = cut
}

// Refuse makes the next calls of a driver method ("EnsureNode") end in a HostError with these words.
func (h *Host) Refuse(method string, calls int, detail string) {
	h.world.mu.Lock()
	defer h.world.mu.Unlock()
	h.refusals[method] = refusal{calls, detail}
}

// SetLacking makes the host report that a start would lack something, and refuse images and nodes with it; "" ends that.
func (h *Host) SetLacking(what string) {
	h.world.mu.Lock()
	defer h.world.mu.Unlock()
	h.lacking = what
}

// SetUEFI says whether the host has UEFI firmware, as it has at first.
func (h *Host) SetUEFI(has bool) {
	h.world.mu.Lock()
	defer h.world.mu.Unlock()
	h.noUEFI = !has
}

// SetHookOlder says whether the host's network hook is older than UEFI nodes.
func (h *Host) SetHookOlder(is bool) {
	h.world.mu.Lock()
	defer h.world.mu.Unlock()
	h.hookOlder = is
}

// SetConsoleLog sets how much of a console the host says that it keeps (0: everything, provisioner.UnknownConsoleCap: it cannot
// say), and how much it does keep.
func (h *Host) SetConsoleLog(said, keeps int64) {
	h.world.mu.Lock()
	defer h.world.mu.Unlock()
	h.consoleCap, h.keeps = said, keeps
}

// StartByHand starts a machine that is off, as someone at the host may.
func (h *Host) StartByHand(id uuid.UUID) {
	h.world.mu.Lock()
	defer h.world.mu.Unlock()
	if m, ok := h.machines[id]; ok && !m.on() {
		m.start()
	}
}

// Adopt makes a copy of a machine under another id, as if someone else had made it.
func (h *Host) Adopt(id, copied uuid.UUID) {
	h.world.mu.Lock()
	defer h.world.mu.Unlock()
	if m, ok := h.machines[id]; ok {
		spec := m.spec
		spec.ID = copied
		h.machines[copied] = newMachine(h, spec)
	}
}

// Inflate has an image of the host take so many bytes, without their having to be anywhere.
func (h *Host) Inflate(digest string, bytes int64) {
	h.world.mu.Lock()
	defer h.world.mu.Unlock()
	if _, there := h.images[digest]; there {
		h.images[digest] = bytes
	}
}

// Spoil changes the bytes of a base image of the host.
func (h *Host) Spoil(digest, into string) {
	h.world.mu.Lock()
	defer h.world.mu.Unlock()
	if h.spoiled == nil {
		h.spoiled = map[string]string{}
	}
	h.spoiled[digest] = into
}

// SetLeaking has so many packets have passed the edge of each network of the host.
func (h *Host) SetLeaking(packets uint64) {
	h.world.mu.Lock()
	defer h.world.mu.Unlock()
	h.leaking = packets
}

// SetDelay makes every call but the rounds' own take at least d: a host that is slow to change is none that is silent.
func (h *Host) SetDelay(d time.Duration) {
	h.world.mu.Lock()
	defer h.world.mu.Unlock()
	h.delay = d
}

// SetHanging makes guests that start from now on hang before they take an address or print anything.
func (h *Host) SetHanging(hang bool) {
	h.world.mu.Lock()
	defer h.world.mu.Unlock()
	h.hanging = hang
}

// SetDeaf makes guests ignore the power button.
func (h *Host) SetDeaf(deaf bool) {
	h.world.mu.Lock()
	defer h.world.mu.Unlock()
	h.deaf = deaf
}

// Crash ends a machine as a crash of its guest would.
func (h *Host) Crash(id uuid.UUID) {
	h.world.mu.Lock()
	defer h.world.mu.Unlock()
	if m, ok := h.machines[id]; ok {
		m.end(provisioner.MachineCrashed)
	}
}

// Halt has the host stop a running machine's vCPUs by itself, as for a disk that is full.
func (h *Host) Halt(id uuid.UUID, why string) {
	h.world.mu.Lock()
	defer h.world.mu.Unlock()
	if m, ok := h.machines[id]; ok {
		m.stand(provisioner.MachineHalted, why)
	}
}

// Restart ends every machine and stops every network, as a restart of the host does. Disks stay.
func (h *Host) Restart() {
	h.world.mu.Lock()
	defer h.world.mu.Unlock()
	for _, m := range h.machines {
		m.end(provisioner.MachineOff)
		m.cold = true
	}
	for _, n := range h.networks {
		n.active = false
	}
}

// Enrol writes a code down, as root there does.
func (h *Host) Enrol(code string) {
	h.world.mu.Lock()
	defer h.world.mu.Unlock()
	h.code = code
}

// SetHook has the host's own hook answer, or be silent, older or not there.
func (h *Host) SetHook(s provisioner.HookState) {
	h.world.mu.Lock()
	defer h.world.mu.Unlock()
	h.hook = s
}

// Swap puts another machine behind the host's address: its UUID, its key, or both. Zero fields stay what they are.
func (h *Host) Swap(m provisioner.Machine) {
	h.world.mu.Lock()
	defer h.world.mu.Unlock()
	if m.UUID != uuid.Nil {
		h.machine.UUID = m.UUID
	}
	if m.Key != uuid.Nil {
		h.machine.Key = m.Key
	}
}

// Machine is who the host is.
func (h *Host) Machine() provisioner.Machine {
	h.world.mu.Lock()
	defer h.world.mu.Unlock()
	return h.machine
}

// Touched tells whether anything was made on the host.
func (h *Host) Touched() bool {
	h.world.mu.Lock()
	defer h.world.mu.Unlock()
	return len(h.images)+len(h.networks)+len(h.machines) > 0
}

// Alias lets a host be reached by another address, too.
func (w *World) Alias(other, host provisioner.HostAddress) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.names[other] = host
}
