package hostline

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// process is a child as the system sees it.
type process struct {
	pid    int
	done   chan struct{} // closed when it has ended
	kill   func()
	said   func() string // how its standard error began
	ended  time.Time     // only after done, as failed
	failed error
}

func (p *process) over() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

func (p *process) err() error {
	if p.over() && p.failed != nil {
		return p.failed
	}
	return errors.New("it left")
}

// starter starts every child from one thread: the kernel sends the death signal when the thread that started a process
// ends, so that thread must live as long as we do.
type starter struct {
	command func() *exec.Cmd
	wanted  chan func()
	once    sync.Once
}

func newStarter(command func() *exec.Cmd) *starter {
	return &starter{command: command, wanted: make(chan func())}
}

// controlFD is where a child finds its control socket.
const controlFD = 3

func (s *starter) start(control *socketPair) (*process, error) {
	s.once.Do(func() {
		go func() {
			runtime.LockOSThread()
			for start := range s.wanted {
				start()
			}
		}()
	})
	theirs, err := control.theirs.file()
	if err != nil {
		return nil, err
	}
	defer theirs.Close()
	said := &head{limit: stderr}
	cmd := s.command()
	cmd.Stdin, cmd.Stdout, cmd.Stderr = nil, nil, said
	cmd.ExtraFiles = []*os.File{theirs}
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return !forChildren(v) })
	// A group of its own: what it starts, such as ssh, goes with it, and Ctrl-C is for us alone.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	cmd.WaitDelay = time.Second // for whoever inherited its standard error
	started := make(chan error)
	s.wanted <- func() { started <- cmd.Start() }
	if err := <-started; err != nil {
		return nil, err
	}
	p := &process{pid: cmd.Process.Pid, done: make(chan struct{}), said: said.String}
	p.kill = func() { _ = syscall.Kill(-p.pid, syscall.SIGKILL) }
	go func() {
		err := cmd.Wait()
		p.kill() // what it started
		p.failed, p.ended = err, time.Now()
		close(p.done)
	}()
	return p, nil
}

// forChildren says whether a child gets a variable of the environment: only what names programs, folders and languages.
func forChildren(variable string) bool {
	name, _, _ := strings.Cut(variable, "=")
	switch name {
	case "PATH", "HOME", "USER", "LOGNAME", "LANG", "TZ", "TMPDIR", "SSH_AUTH_SOCK", "GOCOVERDIR":
		return true
	}
	return strings.HasPrefix(name, "LC_") || strings.HasPrefix(name, "XDG_") || strings.HasPrefix(name, "LIBVIRT_")
}

// head keeps the first bytes that are written to it.
type head struct {
	limit int
	mu    sync.Mutex
	kept  bytes.Buffer
}

// Write implements io.Writer. It never fails: the child must not be held up by what it says.
func (h *head) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.kept.Write(p[:min(len(p), h.limit-h.kept.Len())])
	return len(p), nil
}

func (h *head) String() string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.kept.String()
}
