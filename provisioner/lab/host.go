package lab

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"
)

// libvirtPort is where each host's libvirtd listens.
const libvirtPort = 16509

// planFD is where a host reads its plan; lockFD is the folder's lock, as in the switch.
const planFD = 3

type hostPlan struct {
	Number     int
	Name       string
	Dir        string
	Address    netip.Addr
	Gateway    netip.Addr
	MTU        int
	HookBinary string
}

// hostFolders are the host's own folders and where they are seen.
var hostFolders = []struct{ name, target string }{
	{"lib", "/var/lib/libvirt"},
	{"etc", "/etc/libvirt"},
	{"cache", "/var/cache/libvirt"},
	{"log", "/var/log/libvirt"},
}

// runHost is the first process of one host: it sets the host up, starts the daemons and buries the dead, for
// machines and dnsmasq become its children.
func runHost() error {
	var plan hostPlan
	pipe := os.NewFile(planFD, "plan")
	unix.CloseOnExec(lockFD)
	if err := json.NewDecoder(pipe).Decode(&plan); err != nil {
		return fmt.Errorf("the switch went away: %w", err)
	}
	pipe.Close()
	signals := make(chan os.Signal, 64)
	signal.Notify(signals, syscall.SIGUSR1, syscall.SIGCHLD)
	if err := writeHostFiles(plan); err != nil {
		return fmt.Errorf("%s: %w", plan.Name, err)
	}
	if err := mountHost(plan); err != nil {
		return fmt.Errorf("%s: %w", plan.Name, err)
	}
	if err := wireHost(plan); err != nil {
		return fmt.Errorf("%s: %w", plan.Name, err)
	}
	if _, err := startDaemon("virtlogd"); err != nil {
		return fmt.Errorf("%s: %w", plan.Name, err)
	}
	return serveHost(plan, signals)
}

// serveHost keeps libvirtd running, starts it anew on SIGUSR1 and waits for every child. It returns, and so ends the
// host, when libvirtd ends by itself.
func serveHost(plan hostPlan, signals <-chan os.Signal) error {
	libvirtd, err := startLibvirtd(plan)
	if err != nil {
		return err
	}
	restarting := false
	for sig := range signals {
		if sig == syscall.SIGUSR1 {
			restarting = true
			_ = syscall.Kill(libvirtd, syscall.SIGTERM)
		}
		if !bury(libvirtd) {
			continue
		}
		if !restarting {
			return fmt.Errorf("%s: libvirtd ended; see %s", plan.Name, filepath.Join(plan.Dir, "log", "libvirtd.log"))
		}
		restarting = false
		if libvirtd, err = startLibvirtd(plan); err != nil {
			return err
		}
	}
	return nil
}

// bury waits for all children that are dead, machines and dnsmasq among them, and says whether pid was one.
func bury(pid int) bool {
	found := false
	for {
		got, err := syscall.Wait4(-1, nil, syscall.WNOHANG, nil)
		if err == syscall.EINTR {
			continue
		}
		if err != nil || got == 0 {
			return found
		}
		found = found || got == pid
	}
}

// daemonFile holds the number of the running libvirtd, by which RestartDaemon sees that it is another one.
const daemonFile = "daemon"

func startLibvirtd(plan hostPlan) (int, error) {
	pid, err := startDaemon("libvirtd", "--listen")
	if err != nil {
		return 0, fmt.Errorf("%s: %w", plan.Name, err)
	}
	return pid, os.WriteFile(filepath.Join(plan.Dir, daemonFile), []byte(fmt.Sprint(pid)), 0o644)
}

func startDaemon(name string, args ...string) (int, error) {
	path, err := lookPath(name)
	if err != nil {
		return 0, err
	}
	log, err := os.OpenFile(filepath.Join("/var/log/libvirt", name+".log"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return 0, err
	}
	defer log.Close()
	null, err := os.Open(os.DevNull)
	if err != nil {
		return 0, err
	}
	defer null.Close()
	// The daemons hold the folder's lock as well: a dying process closes its files before the kernel kills the rest of
	// its namespace, so a lock in the switch alone would be free while they still run.
	pid, err := syscall.ForkExec(path, append([]string{name}, args...), &syscall.ProcAttr{
		Dir: "/", Files: []uintptr{null.Fd(), log.Fd(), log.Fd(), lockFD},
		Env: []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
	})
	if err != nil {
		return 0, fmt.Errorf("start %s: %w", name, err)
	}
	return pid, nil
}

func mountHost(plan hostPlan) error {
	if err := privateMounts(); err != nil {
		return err
	}
	for _, f := range hostFolders {
		if err := unix.Mount(filepath.Join(plan.Dir, f.name), f.target, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("mount %s: %w", f.target, err)
		}
	}
	if err := unix.Mount("tmpfs", "/run", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755"); err != nil {
		return fmt.Errorf("mount /run: %w", err)
	}
	// QEMU's consoles are locked by a file in /var/lock.
	if err := os.Mkdir("/run/lock", 0o755); err != nil {
		return err
	}
	// Without its own name in a file libvirtd asks a name server that no host can reach, for seconds at each start.
	if err := unix.Mount(filepath.Join(plan.Dir, "hosts"), "/etc/hosts", "", unix.MS_BIND, ""); err != nil {
		return fmt.Errorf("mount /etc/hosts: %w", err)
	}
	if err := unix.Mount("sysfs", "/sys", "sysfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /sys: %w", err)
	}
	return unix.Sethostname([]byte(plan.Name))
}

func wireHost(plan hostPlan) error {
	err := ipBatch("link set lo up", fmt.Sprintf("address add %s/24 dev eth0", plan.Address), "link set eth0 up",
		"route add default via "+plan.Gateway.String())
	if err != nil {
		return err
	}
	return os.WriteFile("/proc/sys/net/ipv4/ip_forward", []byte("1"), 0o644)
}
