package lab

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// The names by which the caller's binary knows itself as a part of a lab. They are the first argument and not an
// environment variable, which libvirtd and its hooks would inherit.
const (
	switchName = "volary-lab-switch"
	hostName   = "volary-lab-host"
)

// Main has to be the first call of every program that starts a lab: in the lab's own processes it does their work
// and exits; everywhere else it returns at once.
func Main() {
	var err error
	switch os.Args[0] {
	case switchName:
		err = runSwitch()
	case hostName:
		err = runHost()
	default:
		return
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, os.Args[0]+":", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// The requests that the caller sends the switch, each answered by one answer.
const (
	opBuild         = "build"
	opKillHost      = "kill"
	opRestartHost   = "restart"
	opRestartDaemon = "restart-daemon"
	opCutHost       = "cut"
	opJoinHost      = "join"
)

type request struct {
	Op   string
	Plan *switchPlan `json:",omitempty"`
	Host int
}

type answer struct {
	Error string
	PIDs  []int
}

type switchPlan struct {
	Dir   string
	MTU   int
	Hosts []hostPlan
}

// labSwitch is the first process of the lab: the bridge and the parent of every host.
type labSwitch struct {
	lock  *os.File
	hosts []*hostProcess
}

// runSwitch serves requests until the caller closes the control socket or dies; returning ends the lab.
func runSwitch() error {
	if err := privateMounts(); err != nil {
		return err
	}
	file := os.NewFile(controlFD, "control")
	conn, err := net.FileConn(file)
	if err != nil {
		return err
	}
	file.Close()
	unix.CloseOnExec(lockFD)
	s := &labSwitch{lock: os.NewFile(lockFD, "lock")}
	requests, answers := json.NewDecoder(conn), json.NewEncoder(conn)
	for {
		var r request
		if err := requests.Decode(&r); err != nil {
			return nil //nolint:nilerr // the other side is gone, which is how it ends
		}
		var a answer
		if err := s.serve(r); err != nil {
			a.Error = err.Error()
		}
		for _, h := range s.hosts {
			a.PIDs = append(a.PIDs, h.pid())
		}
		if err := answers.Encode(a); err != nil {
			return nil //nolint:nilerr // the other side is gone, which is how it ends
		}
	}
}

func (s *labSwitch) serve(r request) error {
	if r.Op == opBuild {
		return s.build(*r.Plan)
	}
	if r.Host < 0 || r.Host >= len(s.hosts) {
		return fmt.Errorf("no host %d", r.Host)
	}
	h := s.hosts[r.Host]
	switch r.Op {
	case opKillHost:
		h.kill()
		return nil
	case opRestartHost:
		h.kill()
		return h.start()
	case opRestartDaemon:
		return h.signal(syscall.SIGUSR1)
	case opCutHost:
		return ipBatch("link set " + h.port() + " down")
	case opJoinHost:
		return ipBatch("link set " + h.port() + " up")
	}
	return fmt.Errorf("unknown request %q", r.Op)
}

func (s *labSwitch) build(plan switchPlan) error {
	mtu := strconv.Itoa(plan.MTU)
	err := ipBatch("link set lo up", "link add underlay type bridge", "link set underlay mtu "+mtu+" up",
		"link set uplink mtu "+mtu+" master underlay up")
	if err != nil {
		return err
	}
	var wait sync.WaitGroup
	errs := make([]error, len(plan.Hosts))
	for i, p := range plan.Hosts {
		h := &hostProcess{plan: p, lock: s.lock}
		s.hosts = append(s.hosts, h)
		wait.Go(func() { errs[i] = h.start() })
	}
	wait.Wait()
	return errors.Join(errs...)
}

// hostProcess is the switch's side of one host.
type hostProcess struct {
	plan hostPlan
	lock *os.File
	cmd  *exec.Cmd
	done chan struct{}
}

func (h *hostProcess) port() string { return fmt.Sprintf("port%d", h.plan.Number) }

func (h *hostProcess) pid() int {
	if h.cmd == nil {
		return 0
	}
	return h.cmd.Process.Pid
}

// start makes the host's first process, plugs its interface in, and then lets it go on.
func (h *hostProcess) start() error {
	plan, gate, err := os.Pipe()
	if err != nil {
		return err
	}
	defer plan.Close()
	defer gate.Close()
	cmd := exec.Command("/proc/self/exe") //nolint:noctx // it lives as long as the lab
	cmd.Args = []string{hostName, h.plan.Dir}
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	cmd.ExtraFiles = []*os.File{plan, h.lock}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC,
		Setsid:     true,
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("start %s: %w", h.plan.Name, err)
	}
	h.cmd, h.done = cmd, make(chan struct{})
	go func(done chan struct{}) {
		_ = cmd.Wait()
		close(done)
	}(h.done)
	mtu := strconv.Itoa(h.plan.MTU)
	err = ipBatch(
		// The same MAC at each start, as a machine has: a new one would not be reached until its neighbours forget it.
		fmt.Sprintf("link add %s mtu %s type veth peer name eth0 mtu %s address 02:56:6f:6c:00:%02x netns %d",
			h.port(), mtu, mtu, h.plan.Number, cmd.Process.Pid),
		"link set "+h.port()+" master underlay up")
	if err != nil {
		h.kill()
		return fmt.Errorf("plug %s in: %w", h.plan.Name, err)
	}
	return json.NewEncoder(gate).Encode(h.plan)
}

// kill ends everything on the host. Its port is removed at once: the kernel would do so a moment later, and a
// restart would find the name taken.
func (h *hostProcess) kill() {
	if h.cmd == nil {
		return
	}
	_ = h.cmd.Process.Kill()
	<-h.done
	h.cmd = nil
	_ = ipBatch("link delete " + h.port())
}

func (h *hostProcess) signal(sig syscall.Signal) error {
	if h.cmd == nil {
		return fmt.Errorf("%s is not running", h.plan.Name)
	}
	return h.cmd.Process.Signal(sig)
}

func ipBatch(lines ...string) error {
	cmd := exec.CommandContext(context.Background(), "ip", "-batch", "-")
	cmd.Stdin = strings.NewReader(strings.Join(lines, "\n") + "\n")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("ip -batch %q: %w: %s", lines, err, strings.TrimSpace(string(out)))
	}
	return nil
}

// privateMounts keeps what is mounted here from being seen outside, and shows this namespace's processes in /proc.
func privateMounts() error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := unix.Mount("proc", "/proc", "proc", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, ""); err != nil {
		return fmt.Errorf("mount /proc: %w", err)
	}
	return nil
}
