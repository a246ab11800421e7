// Package child starts processes that do not outlive us, however we end.
package child

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Process is a started child.
type Process struct {
	cmd  *exec.Cmd
	done chan struct{}
	err  error
}

// Start starts cmd in a process group of its own, so that a Ctrl-C reaches us alone and we end children in order.
// The kernel sends it death when we end, even by kill -9.
func Start(cmd *exec.Cmd, death syscall.Signal) (*Process, error) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Setpgid = true
	cmd.SysProcAttr.Pdeathsig = death
	p := &Process{cmd: cmd, done: make(chan struct{})}
	started := make(chan error)
	go func() {
		// The death signal comes when the starting thread ends, not the process: this one stays for as long as the
		// child runs.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			p.err = cmd.Wait()
			close(p.done)
		}
	}()
	if err := <-started; err != nil {
		return nil, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	return p, nil
}

// PID is the child's process id.
func (p *Process) PID() int { return p.cmd.Process.Pid }

// Done is closed once the child has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Err says how the child ended; only after Done.
func (p *Process) Err() error { return p.err }

// Signal sends the child a signal; one that has ended already is no error.
func (p *Process) Signal(s syscall.Signal) error {
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal %s: %w", p.cmd.Path, err)
	}
	return nil
}

// Stop asks by ask, and ends the child's whole group by SIGKILL where it has not ended within grace.
func (p *Process) Stop(ask syscall.Signal, grace time.Duration) {
	_ = p.Signal(ask)
	select {
	case <-p.done:
	case <-time.After(grace):
		_ = syscall.Kill(-p.PID(), syscall.SIGKILL)
		<-p.done
	}
}

// Run starts cmd and waits for it; when ctx ends it asks the child's whole group by SIGINT, as a terminal would, and
// gives it ten seconds. The child's output goes where cmd says.
func Run(ctx context.Context, cmd *exec.Cmd) error {
	p, err := Start(cmd, syscall.SIGKILL)
	if err != nil {
		return err
	}
	select {
	case <-p.Done():
		return p.Err()
	case <-ctx.Done():
		_ = syscall.Kill(-p.PID(), syscall.SIGINT)
		p.Stop(syscall.SIGCONT, 10*time.Second)
		return ctx.Err()
	}
}

// AwaitEnd polls until ended, at most for limit: the end of a process that is not our child is told by nobody.
func AwaitEnd(ended func() bool, limit time.Duration) bool {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	deadline := time.After(limit)
	for !ended() {
		select {
		case <-tick.C:
		case <-deadline:
			return false
		}
	}
	return true
}

// StartTime tells two processes with the same id apart: the clock tick of the process's start. It is 0 where no such
// process runs, zombies included.
func StartTime(pid int) uint64 {
	f, err := os.Open(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	defer f.Close()
	line, err := bufio.NewReader(io.LimitReader(f, 4096)).ReadString('\n')
	if err != nil {
		return 0
	}
	// The name in parentheses may hold blanks and parentheses: fields are counted from the last one.
	fields := strings.Fields(line[strings.LastIndexByte(line, ')')+1:])
	const state, start = 0, 19
	if len(fields) <= start || fields[state] == "Z" {
		return 0
	}
	t, err := strconv.ParseUint(fields[start], 10, 64)
	if err != nil {
		return 0
	}
	return t
}
