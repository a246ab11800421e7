package qemu

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"strings"

	"github.com/google/uuid"
	"golang.org/x/sys/unix"

	"volary.dev/provisioner"
	"volary.dev/provisioner/guestagent"
	"volary.dev/provisioner/usernet"
)

// Driver is a station as a provisioner.Driver. Closing it ends nothing there.
type Driver struct{ station *Station }

var _ provisioner.Driver = (*Driver)(nil)

// Driver gives a driver of the station.
func (s *Station) Driver() *Driver { return &Driver{s} }

// Close implements provisioner.Driver.
func (d *Driver) Close() error { return nil }

// Enrolment implements provisioner.Driver: a workstation has no hook, and is nobody's host.
func (d *Driver) Enrolment(ctx context.Context) (provisioner.Enrolment, error) {
	if err := d.station.enter(ctx, "enrol"); err != nil {
		return provisioner.Enrolment{}, err
	}
	return provisioner.Enrolment{}, &provisioner.HostError{Op: "enrol", Detail: "a workstation is not enrolled"}
}

// Facts implements provisioner.Driver.
func (d *Driver) Facts(ctx context.Context) (provisioner.HostFacts, error) {
	s := d.station
	if err := s.enter(ctx, "facts"); err != nil {
		return provisioner.HostFacts{}, err
	}
	version, err := exec.CommandContext(ctx, s.program, "--version").Output()
	if err != nil {
		return provisioner.HostFacts{}, s.refused("facts", err)
	}
	f := provisioner.HostFacts{
		UUID: s.id, LibvirtVersion: "none", QEMUVersion: versionOf(string(version)), VCPUs: runtime.NumCPU(), CPUModel: processor(),
		StoragePath: s.folder, UEFI: s.UEFI(), ConsoleCap: 2 * consoleFile,
	}
	if f.Hostname, err = os.Hostname(); err != nil {
		return provisioner.HostFacts{}, s.refused("facts", err)
	}
	total, _, err := Memory()
	if err != nil {
		return provisioner.HostFacts{}, s.refused("facts", err)
	}
	size, free, err := Space(s.folder)
	if err != nil {
		return provisioner.HostFacts{}, s.refused("facts", err)
	}
	f.MemoryMiB, f.DiskGiB, f.DiskFreeGiB = total, int(size>>30), int(free>>30)
	return f, nil
}

// versionOf finds "7.2.22" in "QEMU emulator version 7.2.22 (Debian …)".
func versionOf(text string) string {
	words := strings.Fields(text)
	for i, w := range words[:max(0, len(words)-1)] {
		if w == "version" {
			return words[i+1]
		}
	}
	return "unknown"
}

// processor is what the machine's is called.
func processor() string {
	text, _ := os.ReadFile("/proc/cpuinfo") // without it the architecture is told
	for line := range strings.Lines(string(text)) {
		if key, value, _ := strings.Cut(line, ":"); strings.TrimSpace(key) == "model name" {
			if name := provisioner.ProcessorName(value); name != "" {
				return name
			}
		}
	}
	return provisioner.ProcessorName(runtime.GOARCH)
}

// Memory gives what the machine has of it and what of that can be had now, in MiB.
func Memory() (total, free int, err error) {
	text, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 0, 0, err
	}
	found := map[string]int{}
	for line := range strings.Lines(string(text)) {
		var key string
		var kib int
		if n, _ := fmt.Sscanf(line, "%s %d kB", &key, &kib); n == 2 {
			found[key] = kib >> 10
		}
	}
	return found["MemTotal:"], found["MemAvailable:"], nil
}

// Space gives the size of a folder's file system, and what of it is free for this user, in bytes.
func Space(folder string) (size, free int64, err error) {
	var s unix.Statfs_t
	if err := unix.Statfs(folder, &s); err != nil {
		return 0, 0, err
	}
	return int64(s.Blocks) * s.Bsize, int64(s.Bavail) * s.Bsize, nil
}

// EnsureNetwork implements provisioner.Driver.
func (d *Driver) EnsureNetwork(ctx context.Context, n provisioner.Network) error {
	s, op := d.station, fmt.Sprintf("make network %d", n.VNI)
	if err := s.enter(ctx, op); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if have := s.networks[n.VNI]; have != nil {
		if err := have.Change(n); err != nil {
			return s.refused(op, err)
		}
		return nil
	}
	for vni, other := range s.networks {
		if other.Subnet().Overlaps(n.Subnet) {
			return s.refused(op, fmt.Errorf("network %d has the subnet %s", vni, other.Subnet()))
		}
	}
	made, err := usernet.New(n)
	if err != nil {
		return s.refused(op, err)
	}
	s.networks[n.VNI] = made
	return nil
}

// DeleteNetwork implements provisioner.Driver.
func (d *Driver) DeleteNetwork(ctx context.Context, vni uint32) error {
	s := d.station
	if err := s.enter(ctx, fmt.Sprintf("delete network %d", vni)); err != nil {
		return err
	}
	s.mu.Lock()
	n := s.networks[vni]
	delete(s.networks, vni)
	s.mu.Unlock()
	if n != nil {
		n.Close()
	}
	return nil
}

// Observe implements provisioner.Driver.
func (d *Driver) Observe(ctx context.Context) (provisioner.Observation, error) {
	s := d.station
	if err := s.enter(ctx, "observe"); err != nil {
		return provisioner.Observation{}, err
	}
	var o provisioner.Observation
	s.mu.Lock()
	machines := make([]*machine, 0, len(s.machines))
	for _, m := range s.machines {
		machines = append(machines, m)
	}
	for vni := range s.networks {
		o.Networks = append(o.Networks, provisioner.NetworkObservation{VNI: vni, Active: true})
	}
	s.mu.Unlock()
	for _, m := range machines {
		o.Nodes = append(o.Nodes, m.observed(ctx))
	}
	if _, free, err := Space(s.folder); err == nil && free < provisioner.LeastDiskGiB<<30/4 {
		o.Lacks = fmt.Sprintf("the disk of %s has %d MiB left", s.folder, free>>20)
	}
	return o, ctx.Err()
}

// Addresses implements provisioner.Driver.
func (d *Driver) Addresses(ctx context.Context, vni uint32) (map[string]netip.Addr, error) {
	n, err := d.network(ctx, "addresses", vni)
	if err != nil || n == nil {
		return map[string]netip.Addr{}, err
	}
	return n.Addresses(), nil
}

// NetworkReport implements provisioner.Driver: the switch counts.
func (d *Driver) NetworkReport(ctx context.Context, vni uint32) (provisioner.NetworkReport, error) {
	op := fmt.Sprintf("counters of network %d", vni)
	n, err := d.network(ctx, op, vni)
	if err != nil {
		return provisioner.NetworkReport{}, err
	}
	if n == nil {
		return provisioner.NetworkReport{}, &provisioner.HostError{Op: op, Detail: "it is not there"}
	}
	return n.Report(), nil
}

func (d *Driver) network(ctx context.Context, op string, vni uint32) (*usernet.Network, error) {
	if err := d.station.enter(ctx, op); err != nil {
		return nil, err
	}
	d.station.mu.Lock()
	defer d.station.mu.Unlock()
	return d.station.networks[vni], nil
}

// Console implements provisioner.Driver.
func (d *Driver) Console(ctx context.Context, id uuid.UUID) (io.ReadWriteCloser, error) {
	m, err := d.station.node(ctx, "console of "+id.String(), id)
	if err != nil {
		return nil, err
	}
	v, ok := m.console.attach()
	if !ok {
		return nil, &provisioner.HostError{Op: "console of " + m.name(), Detail: "the machine is not running"}
	}
	return v, nil
}

// Consoles implements provisioner.Driver.
func (d *Driver) Consoles(ctx context.Context, queries []provisioner.ConsoleQuery) ([]provisioner.ConsoleText, error) {
	if err := d.station.enter(ctx, "consoles"); err != nil {
		return nil, err
	}
	all := make([]provisioner.ConsoleText, len(queries))
	for i, q := range queries {
		m, err := d.station.node(ctx, "consoles", q.Node)
		if errors.Is(err, provisioner.ErrNoSuchNode) {
			continue
		}
		if err == nil {
			all[i], err = m.console.answer(q)
		}
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Exec implements provisioner.Driver.
func (d *Driver) Exec(ctx context.Context, id uuid.UUID, c provisioner.Command) (provisioner.CommandResult, error) {
	op := "run a command in node " + id.String()
	c, err := c.Bounded()
	if err != nil {
		return provisioner.CommandResult{}, fmt.Errorf("%s: %w", op, err)
	}
	m, err := d.station.node(ctx, op, id)
	if err != nil {
		return provisioner.CommandResult{}, err
	}
	r := m.running()
	if r == nil || !r.agentListens(ctx) {
		return provisioner.CommandResult{}, fmt.Errorf("%s: %w", op, provisioner.ErrNoAgent)
	}
	mine, cancel := context.WithTimeout(ctx, c.Limits.Time)
	defer cancel()
	result, err := guestagent.Run(mine, op, c, r.port.Ask)
	switch {
	case err == nil:
	case ctx.Err() == nil && mine.Err() != nil:
		err = fmt.Errorf("%s: %w: %s", op, provisioner.ErrGuestTime, c.Limits.Time)
	default:
		err = fmt.Errorf("%s: %w", op, err)
	}
	return result, err
}

// agentListens tells whether a program of the guest has its end of the agent's port open.
func (r *run) agentListens(ctx context.Context) bool {
	var devices []struct {
		Label string
		Open  bool `json:"frontend-open"`
	}
	if r.monitor.execute(ctx, "query-chardev", nil, &devices) != nil {
		return false
	}
	for _, d := range devices {
		if d.Label == "agent" {
			return d.Open
		}
	}
	return false
}

// EnsureImage implements provisioner.Driver: it puts a canonical image into the station's folder. One that was lent is there.
func (d *Driver) EnsureImage(ctx context.Context, digest string, size int64, open func(context.Context) (io.ReadCloser, error)) error {
	op := "copy image " + digest
	if err := d.station.enter(ctx, op); err != nil {
		return err
	}
	return d.station.stage(ctx, op, digest, size, open)
}
