package memory

import (
	"context"
	"fmt"
	"sort"
	"sync"
	"time"

	"github.com/google/uuid"

	"volary.dev/provisioner"
)

// Options size a World. A zero field takes its default.
type Options struct {
	StateDir string        // where hosts remember disks and networks over a restart of the process; empty: nowhere
	BootTime time.Duration // from the start of a guest to "volary: ready"; 2 s
	StopTime time.Duration // from the power button to off; 500 ms
	// TryTime is how long a guest tries to reach its head, which another worker may start after the first has ended; 2 min, as the
	// acceptance script does.
	TryTime time.Duration
	Size    provisioner.Shape
}

// World is a set of simulated hosts. It is safe for concurrent use.
type World struct {
	opts Options

	// mu guards everything of every host: guests look at other hosts, and one lock cannot be taken in two orders.
	mu    sync.Mutex
	hosts map[provisioner.HostAddress]*Host
	names map[provisioner.HostAddress]provisioner.HostAddress // other addresses of the same hosts
}

// NewWorld makes a World without hosts; a host appears when it is first dialled or asked for.
func NewWorld(o Options) *World {
	if o.BootTime == 0 {
		o.BootTime = 2 * time.Second
	}
	if o.StopTime == 0 {
		o.StopTime = 500 * time.Millisecond
	}
	if o.TryTime == 0 {
		o.TryTime = 2 * time.Minute
	}
	if o.Size == (provisioner.Shape{}) {
		o.Size = provisioner.Shape{VCPUs: 16, MemoryMiB: 64 << 10, DiskGiB: 500}
	}
	return &World{opts: o, hosts: map[provisioner.HostAddress]*Host{}, names: map[provisioner.HostAddress]provisioner.HostAddress{}}
}

// Dial is a provisioner.Dial for SchemeMemory.
func (w *World) Dial(_ context.Context, a provisioner.HostAddress) (provisioner.Driver, error) {
	if err := a.Validate(); err != nil {
		return nil, err
	}
	if a.Scheme != provisioner.SchemeMemory {
		return nil, fmt.Errorf("%w: scheme %q is not simulated", provisioner.ErrHostAddress, a.Scheme)
	}
	h, err := w.host(a)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if a.Machine != (provisioner.Machine{}) {
		h.expects = a.Machine
	}
	if h.unreachable {
		return nil, provisioner.ErrHostUnreachable
	}
	return h, nil
}

// Host gives the simulated host behind an address, to inject faults and to look into it.
func (w *World) Host(a provisioner.HostAddress) *Host {
	h, err := w.host(a)
	if err != nil {
		// Only a state file that was damaged by hand gets here; a test wants to see it at once.
		panic(err)
	}
	return h
}

func (w *World) host(a provisioner.HostAddress) (*Host, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	a.Machine = provisioner.Machine{}
	if at, moved := w.names[a]; moved {
		a = at
	}
	if h, ok := w.hosts[a]; ok {
		return h, nil
	}
	h := &Host{
		consoleCap: logLimit, keeps: logLimit,
		world:    w,
		address:  a,
		machine:  provisioner.SimulatedMachine(a),
		hook:     provisioner.HookAnswers,
		images:   map[string]int64{},
		networks: map[uint32]*network{},
		machines: map[uuid.UUID]*machine{},
		refusals: map[string]refusal{},
	}
	if err := h.load(); err != nil {
		return nil, err
	}
	w.hosts[a] = h
	return h, nil
}

// Leftovers names every machine and network on any host: what a sweep after the last delete must find empty.
// Base images stay on purpose and are not counted.
func (w *World) Leftovers() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []string
	for a, h := range w.hosts {
		for _, m := range h.machines {
			all = append(all, fmt.Sprintf("%s: node %s %s", a.Name, m.spec.Name, m.spec.ID))
		}
		for vni := range h.networks {
			all = append(all, fmt.Sprintf("%s: network %d", a.Name, vni))
		}
	}
	sort.Strings(all)
	return all
}
