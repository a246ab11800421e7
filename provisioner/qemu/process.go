package qemu

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// soon is until when a guest may take what is typed at its console.
func soon() time.Time { return time.Now().Add(time.Second) }

// What is kept, and shown, of what a QEMU says on its way down.
const mostWords, mostShown = 4 << 10, 400

// process is one QEMU. Its sockets are pairs of which nobody else has an end: no name of them lies in any folder.
type process struct {
	cmd   *exec.Cmd
	words *lastWords
	done  chan struct{} // closed once it has ended
	ours  atomic.Bool   // we ended it

	monitor, console, agent, network net.Conn
}

// start runs a program with the other ends of four sockets as its file descriptors from 3 on. The kernel ends it when we end, even by kill -9.
func start(program string, args []string) (*process, error) {
	p := &process{cmd: exec.Command(program, args...), words: &lastWords{}, done: make(chan struct{})} //nolint:noctx // it lives as long as its node
	p.cmd.Stdout, p.cmd.Stderr = p.words, p.words
	// A group of its own, so that a Ctrl-C reaches us alone and machines are ended in order.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	defer func() {
		for _, f := range p.cmd.ExtraFiles {
			_ = f.Close()
		}
	}()
	for _, end := range []*net.Conn{&p.monitor, &p.console, &p.agent, &p.network} {
		ours, theirs, err := pair()
		if err != nil {
			p.close()
			return nil, err
		}
		*end, p.cmd.ExtraFiles = ours, append(p.cmd.ExtraFiles, theirs)
	}
	started := make(chan error)
	go func() {
		// The death signal comes when the starting thread ends, not the process: this one stays for as long as the child runs.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := p.cmd.Start()
		started <- err
		if err == nil {
			_ = p.cmd.Wait() // how it ended stands in the process's state
			p.close()
			close(p.done)
		}
	}()
	if err := <-started; err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

// pair makes a socket with two ends.
func pair() (ours net.Conn, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	own := os.NewFile(uintptr(fds[0]), "socket")
	defer own.Close()
	theirs = os.NewFile(uintptr(fds[1]), "socket")
	if ours, err = net.FileConn(own); err != nil {
		_ = theirs.Close()
		return nil, nil, err
	}
	return ours, theirs, nil
}

func (p *process) close() {
	for _, c := range []net.Conn{p.monitor, p.console, p.agent, p.network} {
		if c != nil {
			_ = c.Close()
		}
	}
}

func (p *process) ended() bool {
	select {
	case <-p.done:
		return true
	default:
		return false
	}
}

// kill ends it now, and returns when it has ended.
func (p *process) kill(ctx context.Context) error {
	p.ours.Store(true)
	if err := p.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-p.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// crashed tells an end that was nobody's wish: of a signal that was not ours, or with another status than 0.
func (p *process) crashed() bool {
	return p.ended() && !p.ours.Load() && !p.cmd.ProcessState.Success()
}

// why is what it said of its end.
func (p *process) why() string {
	if text := p.words.text(); text != "" {
		return text
	}
	if p.ended() {
		return fmt.Sprint("QEMU ended: ", p.cmd.ProcessState)
	}
	return "QEMU does not answer"
}

// lastWords keeps the end of what a program says.
type lastWords struct {
	mu sync.Mutex
	b  []byte
}

// Write implements io.Writer.
func (w *lastWords) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.b = append(w.b, p...); len(w.b) > mostWords {
		w.b = append([]byte(nil), w.b[len(w.b)-mostWords:]...)
	}
	return len(p), nil
}

func (w *lastWords) text() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	text := strings.ReplaceAll(strings.TrimSpace(string(w.b)), "\n", "; ")
	return text[max(0, len(text)-mostShown):]
}
