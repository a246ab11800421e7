package qemu

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/google/uuid"

	"volary.dev/provisioner"
	"volary.dev/provisioner/guestagent"
)

// machine is one node, from when it is made until it is deleted.
type machine struct {
	folder  string
	console *console

	turn sync.Mutex // of whoever changes it

	mu   sync.Mutex
	spec provisioner.NodeSpec
	run  *run // the last start; nil: none yet
}

// run is one start of a machine.
type run struct {
	*process
	id      string
	monitor *monitor
	port    *guestagent.Port

	mu     sync.Mutex
	stands bool // its processors do
}

func (m *machine) name() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.spec.Name
}

func (m *machine) running() *run {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.run == nil || m.run.ended() {
		return nil
	}
	return m.run
}

// EnsureNode implements provisioner.Driver.
func (d *Driver) EnsureNode(ctx context.Context, n provisioner.NodeSpec) error {
	s, op := d.station, "start node "+n.Name
	if err := s.enter(ctx, op); err != nil {
		return err
	}
	m, err := s.ensureMachine(op, n)
	if err != nil {
		return err
	}
	m.turn.Lock()
	defer m.turn.Unlock()
	if m.running() != nil {
		return nil
	}
	s.mu.Lock()
	network, base, there := s.networks[n.VNI], s.images[n.ImageDigest], s.machines[n.ID] == m
	s.mu.Unlock()
	switch {
	case !there:
		return s.refused(op, errors.New("it was deleted meanwhile"))
	case network == nil:
		return s.refused(op, fmt.Errorf("the network %d is not on this host", n.VNI))
	case base == Disk{}:
		return s.refused(op, fmt.Errorf("the base image %s is not on this host", n.ImageDigest))
	}
	files, err := s.makeDisks(ctx, m, n, base)
	if err != nil {
		return s.refused(op, err)
	}
	args, err := arguments(n, files)
	if err != nil {
		return s.refused(op, err)
	}
	r, err := m.start(ctx, s.program, args, func(line net.Conn) { network.Attach(n.MAC, line) })
	if err != nil {
		return s.refused(op, err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.spec, m.run = n, r
	return nil
}

// ensureMachine finds the node's machine, or gives it its folder.
func (s *Station) ensureMachine(op string, n provisioner.NodeSpec) (*machine, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.machines[n.ID]; m != nil {
		return m, nil
	}
	folder := filepath.Join(s.folder, n.ID.String())
	if err := os.Mkdir(folder, 0o700); err != nil {
		return nil, s.refused(op, err)
	}
	c, err := newConsole(filepath.Join(folder, "console.log"), consoleFile)
	if err != nil {
		return nil, errors.Join(s.refused(op, err), os.RemoveAll(folder))
	}
	m := &machine{folder: folder, console: c, spec: n}
	s.machines[n.ID] = m
	return m, nil
}

// makeDisks makes the overlay and the UEFI variables, unless an earlier start left them, and writes the seed as it is now.
func (s *Station) makeDisks(ctx context.Context, m *machine, n provisioner.NodeSpec, base Disk) (disks, error) {
	in := func(name string) string { return filepath.Join(m.folder, name) }
	d := disks{overlay: in("disk.qcow2"), seed: in("seed.iso"), vars: in("vars.fd"), base: base}
	if n.Firmware.NeedsUEFI() {
		if d.firmware = s.firmware; d.firmware == nil {
			return d, errNoUEFI
		}
	}
	if err := os.WriteFile(d.seed, n.Seed, 0o600); err != nil {
		return d, err
	}
	if exists(d.overlay) {
		return d, nil
	}
	if d.firmware != nil {
		if err := copyFile(d.firmware.Vars, d.vars); err != nil {
			return d, err
		}
	}
	// Made under another name, so that one that is there is whole. -u: what is below is named and not opened.
	half := d.overlay + ".new"
	cmd := exec.CommandContext(ctx, s.tool, "create", "-q", "-u", "-f", "qcow2", "-F", base.Format, "-b", base.Path, half, fmt.Sprintf("%dG", n.Shape.DiskGiB))
	if out, err := cmd.CombinedOutput(); err != nil {
		return d, fmt.Errorf("make its disk: %w: %s", err, strings.TrimSpace(string(out)))
	}
	return d, os.Rename(half, d.overlay)
}

func copyFile(from, to string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// start runs QEMU and returns when its monitor answers.
func (m *machine) start(ctx context.Context, program string, args []string, attach func(net.Conn)) (*run, error) {
	p, err := start(program, args)
	if err != nil {
		return nil, err
	}
	r := &run{process: p, id: uuid.NewString(), port: guestagent.NewPort(p.agent)}
	r.monitor = &monitor{conn: p.monitor, stopped: func(stands bool) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.stands = stands
	}}
	go m.console.follow(p.console)
	attach(p.network)
	if err := r.monitor.begin(ctx); err != nil {
		_ = p.kill(context.WithoutCancel(ctx)) // the reason is the monitor's
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, errors.New(p.why())
	}
	return r, nil
}

// StopNode implements provisioner.Driver.
func (d *Driver) StopNode(ctx context.Context, id uuid.UUID, force bool) error {
	op := "stop node " + id.String()
	m, err := d.station.node(ctx, op, id)
	if err != nil {
		return err
	}
	r := m.running()
	if r == nil {
		return nil
	}
	if force {
		return d.station.told(op, r, r.kill(ctx))
	}
	return d.station.told(op, r, r.monitor.execute(ctx, "system_powerdown", nil, nil))
}

// told gives what failed of a machine; one that has ended by itself meanwhile is no failure.
func (s *Station) told(op string, r *run, err error) error {
	switch {
	case err == nil || r.ended() || errors.Is(err, errMonitor):
		return nil
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s: %w", op, err)
	}
	return s.refused(op, err)
}

// SuspendNode implements provisioner.Driver.
func (d *Driver) SuspendNode(ctx context.Context, id uuid.UUID) error {
	return d.turn(ctx, "suspend node "+id.String(), "stop", id)
}

// ResumeNode implements provisioner.Driver.
func (d *Driver) ResumeNode(ctx context.Context, id uuid.UUID) error {
	return d.turn(ctx, "resume node "+id.String(), "cont", id)
}

func (d *Driver) turn(ctx context.Context, op, command string, id uuid.UUID) error {
	m, err := d.station.node(ctx, op, id)
	if err != nil {
		return err
	}
	if r := m.running(); r != nil {
		return d.station.told(op, r, r.monitor.execute(ctx, command, nil, nil))
	}
	return nil
}

// DeleteNode implements provisioner.Driver.
func (d *Driver) DeleteNode(ctx context.Context, id uuid.UUID, wipe bool) error {
	s, op := d.station, "delete node "+id.String()
	m, err := s.node(ctx, op, id)
	if errors.Is(err, provisioner.ErrNoSuchNode) {
		return nil
	}
	if err != nil {
		return err
	}
	m.turn.Lock()
	defer m.turn.Unlock()
	if err := m.end(ctx); err != nil {
		return s.refused(op, err)
	}
	if wipe {
		for _, name := range []string{"disk.qcow2", "vars.fd"} {
			if err := overwrite(ctx, filepath.Join(m.folder, name)); err != nil {
				return s.refused(op, err)
			}
		}
	}
	if err := os.RemoveAll(m.folder); err != nil {
		return s.refused(op, err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.machines[id] == m {
		delete(s.machines, id)
	}
	return nil
}

// end ends what runs of the machine, for good.
func (m *machine) end(ctx context.Context) error {
	defer m.console.close()
	if r := m.running(); r != nil {
		return r.kill(ctx)
	}
	return nil
}

// overwrite writes zeros over a file, as much as it has.
func overwrite(ctx context.Context, path string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return err
	}
	zeros := make([]byte, 1<<20)
	for at := int64(0); at < info.Size(); at += int64(len(zeros)) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := f.WriteAt(zeros[:min(int64(len(zeros)), info.Size()-at)], at); err != nil {
			return err
		}
	}
	return f.Sync()
}

// observed is what can be seen of the machine.
func (m *machine) observed(ctx context.Context) provisioner.NodeObservation {
	m.mu.Lock()
	id, r := m.spec.ID, m.run
	m.mu.Unlock()
	o := provisioner.NodeObservation{ID: id, State: provisioner.MachineOff}
	switch {
	case r == nil:
	case r.crashed():
		o.State = provisioner.MachineCrashed
	case !r.ended():
		o.State, o.StartID = provisioner.MachineRunning, r.id
		r.mu.Lock()
		stands := r.stands
		r.mu.Unlock()
		if stands {
			o.State, o.Why = r.standing(ctx)
		}
	}
	return o
}

// standing tells a machine that somebody suspended from one whose processors stand for QEMU's own reasons.
func (r *run) standing(ctx context.Context) (provisioner.MachineState, string) {
	var s struct{ Status string }
	if r.monitor.execute(ctx, "query-status", nil, &s) != nil {
		return provisioner.MachinePaused, ""
	}
	switch s.Status {
	case "running":
		return provisioner.MachineRunning, ""
	case "io-error":
		return provisioner.MachineHalted, "a disk of the host is full or fails"
	case "watchdog":
		return provisioner.MachineHalted, "its watchdog ran out"
	case "guest-panicked":
		return provisioner.MachineHalted, "the guest crashed"
	case "internal-error":
		return provisioner.MachineHalted, "QEMU cannot go on with it"
	case "suspended":
		return provisioner.MachineHalted, "the guest put itself to sleep"
	case "shutdown":
		return provisioner.MachineHalted, "it is being started or ended"
	}
	return provisioner.MachinePaused, ""
}
