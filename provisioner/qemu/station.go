package qemu

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"github.com/google/uuid"
	"golang.org/x/sys/unix"

	"volary.dev/provisioner"
	"volary.dev/provisioner/usernet"
)

// Disk is a base image as it lies on the workstation. It is only read.
type Disk struct {
	Path   string
	Format string // "qcow2" or "raw"; never guessed
}

// Read gives the digest that a base image has now, of which it reads the whole file.
type Read func(context.Context) (string, error)

// Station is the workstation as a host. All that it makes lies in one folder of its own, and goes with Close.
type Station struct {
	folder       string
	lock         *os.File // of the folder
	program      string   // qemu-system-x86_64
	tool         string   // qemu-img
	acceleration provisioner.Acceleration
	firmware     *firmware // nil: there is none
	id           uuid.UUID

	mu       sync.Mutex
	networks map[uint32]*usernet.Network
	machines map[uuid.UUID]*machine
	images   map[string]Disk // by digest
	lent     map[string]Read // by digest
	closed   bool
}

// What a workstation lacks.
var (
	ErrNoQEMU    = errors.New("qemu-system-x86_64 is not installed (Debian: qemu-system-x86; Fedora: qemu-system-x86-core)")
	ErrNoQEMUImg = errors.New("qemu-img is not installed (Debian: qemu-utils; Fedora: qemu-img)")
)

// folderPrefix begins the name of a station's folder.
const folderPrefix = "volary-try-"

// Open makes a station with a folder of its own below another one. What stations left there that were killed goes first. The caller closes it.
func Open(ctx context.Context, below string) (*Station, error) {
	s := &Station{
		id:       uuid.Must(uuid.NewV7()),
		networks: map[uint32]*usernet.Network{}, machines: map[uuid.UUID]*machine{}, images: map[string]Disk{}, lent: map[string]Read{},
	}
	var err error
	if s.program, err = exec.LookPath("qemu-system-x86_64"); err != nil {
		return nil, ErrNoQEMU
	}
	if s.tool, err = exec.LookPath("qemu-img"); err != nil {
		return nil, ErrNoQEMUImg
	}
	s.acceleration = accelerates(ctx, s.program)
	s.firmware, _ = findFirmware(firmwareDirs()) // who needs it is told
	sweep(below)
	if s.folder, s.lock, err = newFolder(below); err != nil {
		return nil, fmt.Errorf("open a folder for machines: %w", err)
	}
	return s, nil
}

// newFolder makes a folder that is ours for as long as this process lives. One that somebody swept before we held it is made again.
func newFolder(below string) (folder string, lock *os.File, err error) {
	for range 5 {
		if folder, err = os.MkdirTemp(below, folderPrefix); err != nil {
			return "", nil, err
		}
		if lock, err = hold(folder); err == nil && exists(folder) {
			return folder, lock, nil
		}
		if err == nil {
			err = lock.Close()
		}
	}
	return "", nil, errors.Join(err, os.RemoveAll(folder))
}

// hold locks a folder: a lock ends with whoever has it, however that ends.
func hold(folder string) (*os.File, error) {
	f, err := os.OpenFile(folder, os.O_RDONLY|unix.O_DIRECTORY|unix.O_NOFOLLOW, 0)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, err
	}
	return f, nil
}

// sweep removes what this user's stations left that nobody holds any more.
func sweep(below string) {
	found, _ := filepath.Glob(filepath.Join(below, folderPrefix+"*")) // the pattern is right
	for _, folder := range found {
		var info unix.Stat_t
		if unix.Lstat(folder, &info) != nil || info.Mode&unix.S_IFMT != unix.S_IFDIR || int(info.Uid) != os.Getuid() {
			continue
		}
		if lock, err := hold(folder); err == nil {
			_ = os.RemoveAll(folder) // what stays is found the next time
			_ = lock.Close()
		}
	}
}

// Folder is where all lies that the station makes.
func (s *Station) Folder() string { return s.folder }

// UEFI tells whether nodes can be started by UEFI.
func (s *Station) UEFI() bool { return s.firmware != nil }

// Accelerates is what the station's machines run with.
func (s *Station) Accelerates() provisioner.Acceleration { return s.acceleration }

// accelerates is KVM where a machine begins with it, and TCG elsewhere: a device that is there, and may be opened, proves nothing.
func accelerates(ctx context.Context, program string) provisioner.Acceleration {
	fd, err := unix.Open("/dev/kvm", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if err != nil {
		return provisioner.AccelerationTCG
	}
	_ = unix.Close(fd)
	p, err := start(program, []string{
		"-no-user-config", "-nodefaults", "-display", "none", "-S", "-machine", "q35", "-accel", "kvm", "-cpu", "host", "-m", "64",
		"-chardev", fmt.Sprintf("socket,id=monitor,fd=%d", fdMonitor), "-mon", "chardev=monitor,mode=control",
	})
	if err != nil {
		return provisioner.AccelerationTCG
	}
	m := &monitor{conn: p.monitor, stopped: func(bool) {}}
	begun := m.begin(ctx)
	_ = p.kill(ctx) // what does not end ends with us
	if begun != nil {
		return provisioner.AccelerationTCG
	}
	return provisioner.AccelerationKVM
}

// Lend tells the station of a base image that lies on the workstation already, by the digest that node specifications will name. That need
// not be the file's own: read tells which the file has.
func (s *Station) Lend(digest string, d Disk, read Read) error {
	if d.Format != "qcow2" && d.Format != "raw" || !filepath.IsAbs(d.Path) {
		return fmt.Errorf("%s: format %q, want qcow2 or raw, and a whole path", d.Path, d.Format)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.images[digest], s.lent[digest] = d, read
	return nil
}

// Close ends every machine and network, and removes the folder.
func (s *Station) Close() error {
	s.mu.Lock()
	s.closed = true
	machines, networks := s.machines, s.networks
	s.machines, s.networks = map[uuid.UUID]*machine{}, map[uint32]*usernet.Network{}
	s.mu.Unlock()
	var errs []error
	for _, m := range machines {
		errs = append(errs, m.end(context.Background()))
	}
	for _, n := range networks {
		n.Close()
	}
	return errors.Join(append(errs, os.RemoveAll(s.folder), s.lock.Close())...)
}

// refused is a HostError without our paths.
func (s *Station) refused(op string, err error) error {
	return &provisioner.HostError{Op: op, Detail: strings.ReplaceAll(err.Error(), s.folder+"/", ""), Err: err}
}

// enter looks whether the station is open.
func (s *Station) enter(ctx context.Context, op string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return fmt.Errorf("%s: %w", op, provisioner.ErrHostUnreachable)
	}
	return nil
}

// node finds a machine, or ErrNoSuchNode.
func (s *Station) node(ctx context.Context, op string, id uuid.UUID) (*machine, error) {
	if err := s.enter(ctx, op); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.machines[id]
	if m == nil {
		return nil, provisioner.ErrNoSuchNode
	}
	return m, nil
}
