package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"volary.dev/provisioner"
)

// Config says what lab to start.
type Config struct {
	// Dir keeps the hosts' files between starts. It is made where missing; one lab at a time may use it.
	Dir string
	// Hosts is how many hosts to make, 1 to 99.
	Hosts int
	// HookBinary is the program that answers `hook network NAME OP SUBOP -`. With an empty one no hook is installed.
	HookBinary string
	// MTU of the underlay; 0 takes 1500.
	MTU int
}

// Host is one host of a running lab.
type Host struct {
	Name     string // "host-1"
	Address  provisioner.HostAddress
	Underlay netip.Addr
}

// Lab is a running lab. Its methods are safe for concurrent use.
type Lab struct {
	dir     string
	net     underlay
	wall    *wall
	hosts   []Host
	process *process

	mu sync.Mutex // one request at a time on the control socket
}

// The sentinels of a lab.
var (
	// ErrInUse says that another running lab holds the folder.
	ErrInUse = errors.New("another lab is running on this folder")
	// ErrEnded says that the lab's process is gone.
	ErrEnded = errors.New("the lab has ended")
)

// startLimit is how long hosts may take to answer. The first start probes QEMU's capabilities on each host.
const startLimit = 60 * time.Second

// Start starts a lab and returns when every host's libvirtd answers. It returns a *MissingError for what the
// machine lacks, and ErrInUse. The lab ends with Stop, or with the calling process.
func Start(ctx context.Context, cfg Config) (*Lab, error) {
	if cfg.Hosts < 1 || cfg.Hosts > 99 {
		return nil, fmt.Errorf("lab: %d hosts asked for, 1 to 99 are possible", cfg.Hosts)
	}
	if err := Check(); err != nil {
		return nil, err
	}
	dir, err := filepath.Abs(cfg.Dir)
	if err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	cfg.Dir = dir
	if cfg.MTU == 0 {
		cfg.MTU = 1500
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	defer lock.Close() // the lab has its own copies and holds the lock until it is dead
	p, err := startProcess(dir, lock)
	if err != nil {
		return nil, err
	}
	l := &Lab{dir: dir, process: p}
	if err := l.build(ctx, cfg); err != nil {
		l.Stop()
		return nil, fmt.Errorf("lab: %w", err)
	}
	return l, nil
}

func (l *Lab) build(ctx context.Context, cfg Config) error {
	u, err := plugUplink(ctx, l.dir, l.process.pid())
	if err != nil {
		return err
	}
	l.net = u
	if l.wall, err = buildWall(ctx, u); err != nil {
		return err
	}
	plan := switchPlan{Dir: cfg.Dir, MTU: cfg.MTU}
	for i := 1; i <= cfg.Hosts; i++ {
		h := hostPlan{
			Number: i, Name: fmt.Sprintf("host-%d", i), Dir: filepath.Join(cfg.Dir, fmt.Sprintf("host-%d", i)),
			Address: u.host(i), Gateway: u.outside(), MTU: cfg.MTU, HookBinary: cfg.HookBinary,
		}
		plan.Hosts = append(plan.Hosts, h)
		l.hosts = append(l.hosts, Host{
			Name: h.Name, Underlay: h.Address,
			Address: provisioner.HostAddress{Scheme: provisioner.SchemeTCP, Name: h.Address.String(), Port: libvirtPort},
		})
	}
	if err := l.ask(ctx, request{Op: opBuild, Plan: &plan}); err != nil {
		return err
	}
	for _, h := range l.hosts {
		if err := l.waitListening(ctx, h); err != nil {
			return err
		}
	}
	return nil
}

// Hosts lists the hosts in order.
func (l *Lab) Hosts() []Host { return append([]Host(nil), l.hosts...) }

// Prefix is the range of the underlay. Guests must not reach it.
func (l *Lab) Prefix() netip.Prefix { return l.net.prefix() }

// Outside is the machine's own address on the underlay.
func (l *Lab) Outside() netip.Addr { return l.net.outside() }

// HostDir is the folder of host i (from 0), with its lib, etc, cache and log folders.
func (l *Lab) HostDir(i int) string { return filepath.Join(l.dir, l.hosts[i].Name) }

// KillHost ends host i (from 0) as a power cut would: everything on it is gone but its disks.
func (l *Lab) KillHost(ctx context.Context, i int) error {
	return l.ask(ctx, request{Op: opKillHost, Host: i})
}

// RestartHost starts host i (from 0) after KillHost, or again, and returns when its libvirtd answers.
func (l *Lab) RestartHost(ctx context.Context, i int) error {
	if err := l.ask(ctx, request{Op: opRestartHost, Host: i}); err != nil {
		return err
	}
	return l.waitListening(ctx, l.hosts[i])
}

// RestartDaemon restarts libvirtd of host i (from 0) and returns when it answers; machines on it keep running.
func (l *Lab) RestartDaemon(ctx context.Context, i int) error {
	file := filepath.Join(l.HostDir(i), daemonFile)
	before, err := os.ReadFile(file)
	if err != nil {
		return fmt.Errorf("lab: %w", err)
	}
	if err := l.ask(ctx, request{Op: opRestartDaemon, Host: i}); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		if now, err := os.ReadFile(file); err == nil && len(now) > 0 && string(now) != string(before) {
			return l.waitListening(ctx, l.hosts[i])
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("lab: libvirtd of %s does not end: %w", l.hosts[i].Name, ctx.Err())
		case <-tick.C:
		}
	}
}

// CutHost unplugs host i (from 0) from the underlay: nothing is refused, nothing answers.
func (l *Lab) CutHost(ctx context.Context, i int) error {
	return l.ask(ctx, request{Op: opCutHost, Host: i})
}

// JoinHost plugs host i (from 0) in again.
func (l *Lab) JoinHost(ctx context.Context, i int) error {
	return l.ask(ctx, request{Op: opJoinHost, Host: i})
}

// Run runs a command inside host i (from 0), in its namespaces, and returns its output: `nft list ruleset`.
func (l *Lab) Run(ctx context.Context, i int, name string, args ...string) ([]byte, error) {
	pid, err := l.process.hostPID(i)
	if err != nil {
		return nil, err
	}
	enter := append([]string{"-t", pid, "-n", "-m", "-u", "-p", "-r", "-w", "--", name}, args...)
	out, err := exec.CommandContext(ctx, "nsenter", enter...).CombinedOutput()
	if err != nil {
		return out, fmt.Errorf("lab: %s on %s: %w: %s", name, l.hosts[i].Name, err, out)
	}
	return out, nil
}

// Done is closed when the lab's process is gone, by Stop or otherwise.
func (l *Lab) Done() <-chan struct{} { return l.process.done }

// Stop ends every machine, daemon and namespace of the lab and returns when they are gone. It may be called again.
func (l *Lab) Stop() {
	l.process.stop()
	l.net.unplug()
	l.wall.remove()
}

func (l *Lab) ask(ctx context.Context, r request) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	deadline := time.Now().Add(startLimit)
	if d, ok := ctx.Deadline(); ok && d.Before(deadline) {
		deadline = d
	}
	if err := l.process.control.SetDeadline(deadline); err != nil {
		return ErrEnded
	}
	if err := json.NewEncoder(l.process.control).Encode(r); err != nil {
		return fmt.Errorf("%w: %w", ErrEnded, err)
	}
	var a answer
	if err := l.process.answers.Decode(&a); err != nil {
		return fmt.Errorf("%w: %w; see %s", ErrEnded, err, filepath.Join(l.dir, logName))
	}
	if a.Error != "" {
		return errors.New(a.Error)
	}
	l.process.setHostPIDs(a.PIDs)
	return nil
}

// waitListening polls, as a fresh libvirtd has no way to call us: it listens once its drivers are up.
func (l *Lab) waitListening(ctx context.Context, h Host) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	target := net.JoinHostPort(h.Address.Name, fmt.Sprint(h.Address.Port))
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		c, err := (&net.Dialer{Timeout: time.Second}).DialContext(ctx, "tcp", target)
		if err == nil {
			return c.Close()
		}
		select {
		case <-l.process.done:
			return fmt.Errorf("%w while %s was starting; see %s", ErrEnded, h.Name, filepath.Join(l.dir, logName))
		case <-ctx.Done():
			return fmt.Errorf("libvirtd of %s does not answer: %w; see %s", h.Name, ctx.Err(), filepath.Join(l.dir, h.Name, "log", "libvirtd.log"))
		case <-tick.C:
		}
	}
}

func lockDir(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, fmt.Errorf("lab: make the lab's folder: %w", err)
	}
	f, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	if err := flock(f); err != nil {
		f.Close()
		return nil, fmt.Errorf("%w: %s", ErrInUse, dir)
	}
	return f, nil
}
