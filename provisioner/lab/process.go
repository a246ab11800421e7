package lab

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// process is the caller's side of the switch.
type process struct {
	cmd     *exec.Cmd
	control net.Conn
	answers *json.Decoder
	done    chan struct{}

	mu       sync.Mutex
	hostPIDs []int // inside the switch's process namespace
}

// lockFD and controlFD are what the switch inherits.
const (
	controlFD = 3
	lockFD    = 4
	logName   = "lab.log"
)

func startProcess(dir string, lock *os.File) (*process, error) {
	pair, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("lab: control socket: %w", err)
	}
	ours, theirs := os.NewFile(uintptr(pair[0]), "control"), os.NewFile(uintptr(pair[1]), "control")
	defer ours.Close()
	defer theirs.Close()
	conn, err := net.FileConn(ours)
	if err != nil {
		return nil, fmt.Errorf("lab: control socket: %w", err)
	}
	logFile, err := os.Create(filepath.Join(dir, logName))
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("lab: %w", err)
	}
	defer logFile.Close()
	cmd := exec.Command("/proc/self/exe") //nolint:noctx // it lives as long as the lab
	cmd.Args = []string{switchName, dir}
	cmd.Stdout, cmd.Stderr = logFile, logFile
	cmd.ExtraFiles = []*os.File{theirs, lock}
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET,
		Pdeathsig:  syscall.SIGKILL,
		Setsid:     true, // Ctrl-C is for the caller, which then stops the lab in order
	}
	p := &process{cmd: cmd, control: conn, answers: json.NewDecoder(conn), done: make(chan struct{})}
	started := make(chan error)
	go p.live(started)
	if err := <-started; err != nil {
		conn.Close()
		return nil, missingNamespaces(err)
	}
	return p, nil
}

// live starts the switch and waits for it. The parent death signal is tied to the thread that started the process,
// not to the program, so the thread is kept for as long as the switch lives.
func (p *process) live(started chan<- error) {
	runtime.LockOSThread()
	err := p.cmd.Start()
	started <- err
	if err != nil {
		return
	}
	_ = p.cmd.Wait()
	close(p.done)
}

func (p *process) pid() int { return p.cmd.Process.Pid }

func (p *process) stop() {
	p.control.Close()
	_ = p.cmd.Process.Kill()
	<-p.done
}

func (p *process) setHostPIDs(pids []int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hostPIDs = pids
}

// hostPID finds a host's first process as this side of the process namespaces sees it.
func (p *process) hostPID(i int) (string, error) {
	p.mu.Lock()
	if i < 0 || i >= len(p.hostPIDs) || p.hostPIDs[i] == 0 {
		p.mu.Unlock()
		return "", fmt.Errorf("lab: host %d is not running", i)
	}
	inner := p.hostPIDs[i]
	p.mu.Unlock()
	for _, pid := range allChildren(p.pid()) {
		if namespacePID(pid, 1) == strconv.Itoa(inner) {
			return pid, nil
		}
	}
	return "", fmt.Errorf("lab: host %d is not running", i)
}
