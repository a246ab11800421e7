package memory

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner"
)

// Host is one simulated host and the Driver that reaches it.
type Host struct {
	world   *World
	address provisioner.HostAddress

	// All below is guarded by world.mu.
	machine  provisioner.Machine // who it is
	expects  provisioner.Machine // who has to be there, by the last address that named somebody
	code     string              // written down to enrol it
	hook     provisioner.HookState
	images   map[string]int64  // digest -> size
	spoiled  map[string]string // digest -> what its bytes have become
	leaking  uint64            // packets that pass the edge of each of its networks
	networks map[uint32]*network
	machines map[uuid.UUID]*machine

	unreachable, hanging, deaf bool
	delay                      time.Duration
	refusals                   map[string]refusal
	lacking                    string
	noUEFI, hookOlder          bool
	agents                     Agent
	consoleCap, keeps          int64 // bytes of a console: said, and done
}

type network struct {
	spec    provisioner.Network
	active  bool
	dropped uint64 // packets that guests sent to where nothing is
}

var _ provisioner.Driver = (*Host)(nil)

// enter applies the chosen faults to a call and leaves the world locked where it may go on.
func (h *Host) enter(ctx context.Context, method, op string) error {
	h.world.mu.Lock()
	delay := h.delay
	h.world.mu.Unlock()
	if delay > 0 && method != "Observe" {
		t := time.NewTimer(delay)
		defer t.Stop()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-t.C:
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	h.world.mu.Lock()
	if h.unreachable {
		h.world.mu.Unlock()
		return provisioner.ErrHostUnreachable
	}
	if method != "Enrolment" && !h.expects.Is(h.machine) {
		h.world.mu.Unlock()
		return fmt.Errorf("%s: %w", op, provisioner.ErrAnotherMachine)
	}
	if h.lacking != "" && (method == "EnsureImage" || method == "EnsureNode") {
		h.world.mu.Unlock()
		return &provisioner.HostError{Op: op, Detail: h.lacking}
	}
	if r := h.refusals[method]; r.calls > 0 {
		r.calls--
		h.refusals[method] = r
		h.world.mu.Unlock()
		return &provisioner.HostError{Op: op, Detail: r.detail}
	}
	return nil
}

// Enrolment implements provisioner.Driver.
func (h *Host) Enrolment(ctx context.Context) (provisioner.Enrolment, error) {
	if err := h.enter(ctx, "Enrolment", "ask who the host is"); err != nil {
		return provisioner.Enrolment{}, err
	}
	defer h.world.mu.Unlock()
	e := provisioner.Enrolment{Machine: h.machine, Hook: h.hook}
	if h.hook != provisioner.HookAnswers {
		e.Machine.Key = uuid.Nil
		return e, nil
	}
	code, err := h.writtenCode()
	if code != "" {
		e.Code = provisioner.CodeHash(code)
	}
	return e, err
}

// Facts implements provisioner.Driver.
func (h *Host) Facts(ctx context.Context) (provisioner.HostFacts, error) {
	if err := h.enter(ctx, "Facts", "facts"); err != nil {
		return provisioner.HostFacts{}, err
	}
	defer h.world.mu.Unlock()
	size := h.world.opts.Size
	return provisioner.HostFacts{
		UUID: h.machine.UUID, Hostname: h.address.Name, LibvirtVersion: "simulated", QEMUVersion: "simulated",
		VCPUs: size.VCPUs, CPUModel: "simulated", MemoryMiB: size.MemoryMiB, DiskGiB: size.DiskGiB, DiskFreeGiB: int(h.free() >> 30),
		StoragePath: "memory", UEFI: !h.noUEFI && !h.hookOlder, HookOlder: h.hookOlder, HookAnswers: true, ConsoleCap: h.consoleCap,
	}, nil
}

// EnsureNetwork implements provisioner.Driver.
func (h *Host) EnsureNetwork(ctx context.Context, n provisioner.Network) error {
	op := fmt.Sprintf("network %d", n.VNI)
	if err := h.enter(ctx, "EnsureNetwork", op); err != nil {
		return err
	}
	defer h.world.mu.Unlock()
	for vni, other := range h.networks {
		if vni != n.VNI && other.active && other.spec.Subnet.Overlaps(n.Subnet) {
			return &provisioner.HostError{Op: op, Detail: fmt.Sprintf("subnet %s is already in use by network %d", n.Subnet, vni)}
		}
	}
	if old := h.networks[n.VNI]; old != nil {
		old.spec, old.active = n, true
	} else {
		h.networks[n.VNI] = &network{spec: n, active: true}
	}
	return h.save()
}

// DeleteNetwork implements provisioner.Driver.
func (h *Host) DeleteNetwork(ctx context.Context, vni uint32) error {
	if err := h.enter(ctx, "DeleteNetwork", fmt.Sprintf("delete network %d", vni)); err != nil {
		return err
	}
	defer h.world.mu.Unlock()
	delete(h.networks, vni)
	return h.save()
}

// EnsureImage implements provisioner.Driver. Bytes are hashed and forgotten.
func (h *Host) EnsureImage(ctx context.Context, digest string, size int64, open func(context.Context) (io.ReadCloser, error)) error {
	if err := h.enter(ctx, "EnsureImage", "image "+digest); err != nil {
		return err
	}
	_, has := h.images[digest]
	h.world.mu.Unlock()
	if has {
		return nil
	}
	// Unlocked while the bytes stream: other calls go on, and twice the same image does no harm.
	r, err := open(ctx)
	if err != nil {
		return err
	}
	defer r.Close()
	sum := sha256.New()
	n, err := io.Copy(sum, io.LimitReader(r, size+1))
	if err != nil {
		return err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); n != size || got != digest {
		return fmt.Errorf("%w: %d bytes with digest %s, expected %d with %s", provisioner.ErrImageDigest, n, got, size, digest)
	}
	h.world.mu.Lock()
	defer h.world.mu.Unlock()
	if _, has := h.images[digest]; !has && h.free() < size {
		return &provisioner.HostError{Op: "image " + digest, Detail: "no space left on device"}
	}
	h.images[digest] = size
	return h.save()
}

// Images implements provisioner.Driver.
func (h *Host) Images(ctx context.Context) (provisioner.HostImages, error) {
	if err := h.enter(ctx, "Images", "list images"); err != nil {
		return provisioner.HostImages{}, err
	}
	defer h.world.mu.Unlock()
	found := provisioner.HostImages{Size: int64(h.world.opts.Size.DiskGiB) << 30, Free: h.free()}
	for digest, size := range h.images {
		found.List = append(found.List, provisioner.HostImage{Digest: digest, Whole: true, Bytes: size})
	}
	return found, nil
}

// free is what base images and the nodes' disks leave of the host's, each disk as large as it may become. It is called with the
// world locked.
func (h *Host) free() int64 {
	free := int64(h.world.opts.Size.DiskGiB) << 30
	for _, m := range h.machines {
		free -= int64(m.spec.Shape.DiskGiB) << 30
	}
	for _, size := range h.images {
		free -= size
	}
	return max(free, 0)
}

// DeleteImage implements provisioner.Driver.
func (h *Host) DeleteImage(ctx context.Context, digest string) error {
	op := "delete image " + digest
	if err := h.enter(ctx, "DeleteImage", op); err != nil {
		return err
	}
	defer h.world.mu.Unlock()
	for _, m := range h.machines {
		if m.spec.ImageDigest == digest {
			return &provisioner.HostError{Op: op, Detail: "the disk of " + m.spec.Name + " stands on it"}
		}
	}
	delete(h.images, digest)
	return h.save()
}

// EnsureNode implements provisioner.Driver.
func (h *Host) EnsureNode(ctx context.Context, n provisioner.NodeSpec) error {
	op := "start node " + n.Name
	if err := h.enter(ctx, "EnsureNode", op); err != nil {
		return err
	}
	defer h.world.mu.Unlock()
	if _, ok := h.images[n.ImageDigest]; !ok {
		return &provisioner.HostError{Op: op, Detail: "no base image " + n.ImageDigest}
	}
	if n.Firmware.NeedsUEFI() && h.noUEFI {
		return &provisioner.HostError{Op: op, Detail: "no UEFI firmware"}
	}
	if net := h.networks[n.VNI]; net == nil || !net.active {
		return &provisioner.HostError{Op: op, Detail: fmt.Sprintf("network %d is not active", n.VNI)}
	}
	m := h.machines[n.ID]
	if m == nil {
		m = newMachine(h, n)
		h.machines[n.ID] = m
	}
	if !m.on() {
		m.spec = n
		m.start()
	}
	return h.save()
}

// StopNode implements provisioner.Driver.
func (h *Host) StopNode(ctx context.Context, id uuid.UUID, force bool) error {
	if err := h.enter(ctx, "StopNode", "stop node "+id.String()); err != nil {
		return err
	}
	defer h.world.mu.Unlock()
	m, ok := h.machines[id]
	if !ok {
		return provisioner.ErrNoSuchNode
	}
	switch {
	case force:
		m.end(provisioner.MachineOff)
	case !h.deaf:
		m.powerButton()
	}
	return nil
}

// SuspendNode implements provisioner.Driver.
func (h *Host) SuspendNode(ctx context.Context, id uuid.UUID) error {
	return h.withMachine(ctx, "SuspendNode", "suspend node "+id.String(), id, func(m *machine) { m.stand(provisioner.MachinePaused, "") })
}

// ResumeNode implements provisioner.Driver.
func (h *Host) ResumeNode(ctx context.Context, id uuid.UUID) error {
	return h.withMachine(ctx, "ResumeNode", "resume node "+id.String(), id, (*machine).goOn)
}

func (h *Host) withMachine(ctx context.Context, method, op string, id uuid.UUID, f func(*machine)) error {
	if err := h.enter(ctx, method, op); err != nil {
		return err
	}
	defer h.world.mu.Unlock()
	m, ok := h.machines[id]
	if !ok {
		return provisioner.ErrNoSuchNode
	}
	f(m)
	return nil
}

// DeleteNode implements provisioner.Driver.
func (h *Host) DeleteNode(ctx context.Context, id uuid.UUID, _ bool) error {
	if err := h.enter(ctx, "DeleteNode", "delete node "+id.String()); err != nil {
		return err
	}
	defer h.world.mu.Unlock()
	if m, ok := h.machines[id]; ok {
		m.end(provisioner.MachineOff)
		delete(h.machines, id)
	}
	return h.save()
}

// Observe implements provisioner.Driver.
func (h *Host) Observe(ctx context.Context) (provisioner.Observation, error) {
	var o provisioner.Observation
	if err := h.enter(ctx, "Observe", "observe"); err != nil {
		return o, err
	}
	defer h.world.mu.Unlock()
	o.Lacks, o.Machine = h.lacking, h.machine
	if h.hook != provisioner.HookAnswers {
		o.Machine.Key = uuid.Nil
	}
	for id, m := range h.machines {
		o.Nodes = append(o.Nodes, provisioner.NodeObservation{ID: id, State: m.state, StartID: m.startID, Why: m.why, Cold: m.cold && !m.on()})
	}
	for vni, n := range h.networks {
		o.Networks = append(o.Networks, provisioner.NetworkObservation{VNI: vni, Active: n.active})
	}
	return o, nil
}

// Addresses implements provisioner.Driver.
func (h *Host) Addresses(ctx context.Context, vni uint32) (map[string]netip.Addr, error) {
	if err := h.enter(ctx, "Addresses", fmt.Sprintf("addresses of network %d", vni)); err != nil {
		return nil, err
	}
	defer h.world.mu.Unlock()
	addresses := map[string]netip.Addr{}
	for _, m := range h.machines {
		if m.spec.VNI == vni && m.address.IsValid() {
			addresses[m.spec.MAC.String()] = m.address
		}
	}
	return addresses, nil
}

// Close implements provisioner.Driver. The host is shared by all who dialled it and stays.
func (h *Host) Close() error { return nil }
