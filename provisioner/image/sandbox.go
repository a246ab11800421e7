package image

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"volary.dev/provisioner/refusal"
)

// memoryLimit is the child's memory: a program's address space, of which qemu-img needs about 150 MiB for an honest disk, and what a task
// can write to. A task's address space has no bound, for Go's runtime sets far more aside than it uses. Of what a task may have, the
// runtime tries to keep below taskMemory.
const (
	memoryLimit = 1 << 30
	taskMemory  = 768 << 20
)

// confined is one piece of work done in the child, a program or a task: what it may touch and use up. Of the two files the child has
// no more than these: a program may open them by their names, a task gets them opened.
type confined struct {
	Program string   // the path of the program to become; or
	Args    []string // (its arguments)
	Task    string   // the name of one of tasks, and
	Orders  json.RawMessage

	Read       string // the one file it may read besides its libraries
	Write      string // the one file it may write; made before; empty for none
	FileBytes  int64  // the largest file it may write
	CPUSeconds int64
	Nice       int  // how far behind other children it stands
	OwnUser    bool // that it works as childUser; run sets it

	stage string // where the child begins; empty: stageSetup, as always but in tests of single walls

	// Wall is how long it may take by the clock; 0: what follows from CPUSeconds. It is a net under work that waits without end and not
	// for work that is slow: no machine is so busy that honest work meets it.
	Wall time.Duration `json:"-"`
	// Tell, which may be nil, is told of progress, at most some times a second and perhaps from another goroutine: of a task what it tells,
	// of a program hundredths of a percent, where it prints its progress (qemu-img convert -p).
	Tell func(done int64) `json:"-"`
	// Output, which may be nil, reads what it writes to its standard output, from another goroutine; outcome.output is empty then. Where
	// Output fails the child ends, and run with that error.
	Output func(io.Reader) error `json:"-"`

	input  *os.File // what a task reads instead of Read: the end of a pipe, which is closed once the child has it
	stdout *os.File // where the child's standard output goes for Output; nil: to the outcome
}

// wall is the bound by the clock.
func (c confined) wall() time.Duration {
	if c.Wall > 0 {
		return c.Wall
	}
	const most = math.MaxInt64 / int64(16*time.Second) // beyond lies no time
	return 2*time.Hour + 8*time.Duration(min(c.CPUSeconds, most))*time.Second
}

// outcome is how confined work ended.
type outcome struct {
	status int    // exit status; -1 where a signal ended it
	output string // the end of what it said on standard output
	words  string // the end of what it said on standard error, for people
	limit  string // the limit that ended it, or that it crashed, in words; empty where neither did

	// Of a task: its answer; or why there is none, which is the file's fault. What limit says is among these faults.
	answer json.RawMessage
	fault  *fileFault
}

// errWall is the cause of the end of a child that took too long by the clock.
var errWall = errors.New("the confined child took too long")

// run starts this executable again as a confined child. An error means that the machine failed, not the image.
func (c confined) run(ctx context.Context) (outcome, error) {
	bounded, cancel := context.WithTimeoutCause(ctx, c.wall(), errWall)
	defer cancel()
	running, stop := context.WithCancelCause(bounded)
	defer stop(nil)
	taken, err := c.take(stop)
	if err != nil {
		return outcome{}, fmt.Errorf("confined child: %w", err)
	}
	p, err := c.start(running)
	c.stdout.Close()
	if err != nil {
		return outcome{}, errors.Join(fmt.Errorf("confined child: %w", err), taken())
	}
	said, err := readReport(p.report, c.tellTask())
	if err != nil {
		stop(err)
	}
	err = p.wait()
	failed := taken()
	if p.stdout.tell != nil {
		p.stdout.tell.tell.end()
	}
	if ctx.Err() != nil {
		return outcome{}, ctx.Err()
	}
	if failed != nil {
		return outcome{}, failed
	}
	o := outcome{output: p.stdout.String(), words: strings.TrimSpace(p.stderr.String())}
	cause := context.Cause(running)
	switch {
	case errors.Is(cause, errWall):
		o.status, o.limit = -1, "It took more than "+hoursText(c.wall())+"."
	case cause != nil:
		o.status, o.limit = -1, "Reading it went astray: it made the program say what no program says."
	case err != nil:
		err = c.ended(&o, err)
	case c.Task != "":
		err = said.judge(&o, c)
	default:
		return o, nil
	}
	if c.Task != "" && o.answer == nil && o.fault == nil && o.limit != "" {
		o.fault = &fileFault{Detail: o.limit}
	}
	if cause != nil {
		return o, nil
	}
	return o, err
}

// child is a started child.
type child struct {
	cmd            *exec.Cmd
	report         *os.File
	stdout, stderr *excerpt
	release        func() // of the thread that forked
}

// wait waits for the end of the child.
func (p *child) wait() error {
	defer p.report.Close()
	defer p.release()
	return p.cmd.Wait()
}

// take lets Output read what the child writes; wait tells how that ended, once nobody writes any more. A child whose output nobody
// takes any more is stopped.
func (c *confined) take(stop context.CancelCauseFunc) (wait func() error, err error) {
	if c.Output == nil {
		return func() error { return nil }, nil
	}
	ours, theirs, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	_, _ = unix.FcntlInt(theirs.Fd(), unix.F_SETPIPE_SZ, 1<<20) // fewer switches between the two; without it all goes on
	c.stdout = theirs
	ended := make(chan error, 1)
	go func() {
		defer ours.Close()
		err := c.Output(ours)
		if err != nil {
			stop(err)
		}
		ended <- err
	}()
	return func() error { return <-ended }, nil
}

// start starts the child. What it may touch is opened here: nobody can put another file in its place later.
func (c confined) start(ctx context.Context) (*child, error) {
	c.OwnUser = mayGiveUser()
	orders, err := json.Marshal(c)
	if err != nil {
		return nil, err
	}
	report, reports, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	defer reports.Close()
	p := &child{report: report, stdout: &excerpt{tell: c.tellProgram()}, stderr: &excerpt{}}
	input, err := memoryFile(orders)
	if err != nil {
		report.Close()
		return nil, err
	}
	defer input.Close()
	p.cmd = exec.CommandContext(ctx, "/proc/self/exe") // this very program, wherever it lies now
	p.cmd.Env = []string{childMarker + "=" + cmp.Or(c.stage, stageSetup)}
	p.cmd.Dir = "/"
	p.cmd.Stdin, p.cmd.Stdout, p.cmd.Stderr = input, p.stdout, p.stderr
	if c.stdout != nil {
		p.cmd.Stdout = c.stdout
	}
	files, err := c.files()
	if err != nil {
		report.Close()
		return nil, err
	}
	defer closeAll(files)
	p.cmd.ExtraFiles = append([]*os.File{reports}, files...)
	// The child ends with us. The signal is tied to the thread that forks, which therefore must outlive it.
	p.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	if err := c.namespaced(p.cmd.SysProcAttr); err != nil {
		report.Close()
		return nil, err
	}
	runtime.LockOSThread()
	p.release = runtime.UnlockOSThread
	if err := p.cmd.Start(); err != nil {
		p.release()
		report.Close()
		return nil, err
	}
	return p, nil
}

// files are what a child is handed from selfFD on: this program and, for a task, its files.
func (c confined) files() (files []*os.File, err error) {
	defer func() {
		if err != nil {
			closeAll(files)
		}
	}()
	open := func(path string, flag int) {
		if err == nil {
			var f *os.File
			if f, err = os.OpenFile(path, flag, 0); err == nil {
				files = append(files, f)
			}
		}
	}
	open("/proc/self/exe", os.O_RDONLY)
	if c.input != nil {
		files = append(files, c.input)
	} else if c.Task != "" {
		open(c.Read, os.O_RDONLY)
	}
	if c.Task != "" {
		if c.Write != "" {
			open(c.Write, os.O_RDWR)
		}
	}
	return files, err
}

// memoryFile is a file in memory alone, at its beginning.
func memoryFile(text []byte) (*os.File, error) {
	fd, err := unix.MemfdCreate("orders", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "orders") //nolint:gosec // a descriptor
	if _, err := f.Write(text); err != nil {
		f.Close()
		return nil, err
	}
	return f, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}

// ended says what ended a child that did not end well. An error is the machine's.
func (c confined) ended(o *outcome, ended error) error {
	var exit *exec.ExitError
	if !errors.As(ended, &exit) {
		return fmt.Errorf("confined child: %w", ended)
	}
	o.status = exit.ExitCode()
	status, _ := exit.Sys().(syscall.WaitStatus)
	switch {
	case o.status == exitSetup:
		return fmt.Errorf("the child could not confine itself: %s", o.words)
	case strings.Contains(o.words, "qemu_thread_create"):
		return fmt.Errorf("the confined child had no room for its threads: %s", o.words)
	case strings.Contains(o.words, "No space left on device"), strings.Contains(o.words, "Disk quota exceeded"):
		return fmt.Errorf("%w: %s", errNoSpace, o.words)
	case status.Signaled() && (status.Signal() == syscall.SIGXCPU || status.Signal() == syscall.SIGKILL && cpuSpent(exit) >= c.CPUSeconds):
		o.limit = "It took more than " + refusal.Plural(c.CPUSeconds, "second", "seconds") + " of processor time."
	case status.Signaled() && status.Signal() == syscall.SIGXFSZ, c.Task == "" && strings.Contains(o.words, "File too large"):
		o.limit = c.tooLarge()
	case outOfMemory(o.words):
		o.limit = fmt.Sprintf("It took more than %s of memory.", bytesText(memoryLimit))
	case status.Signaled() && status.Signal() == syscall.SIGKILL:
		return fmt.Errorf("the confined child was killed: %s", o.words)
	case status.Signaled():
		o.limit = fmt.Sprintf("It made the program that reads it crash (%s).", status.Signal())
	case c.Task != "":
		o.limit = "It made the program that reads it crash."
	}
	return nil
}

// outOfMemory knows what QEMU and Go's runtime say.
func outOfMemory(words string) bool {
	for _, sign := range []string{"annot allocate memory", "Could not allocate", "out of memory"} {
		if strings.Contains(words, sign) {
			return true
		}
	}
	return false
}

// tooLarge says that the output passed its limit.
func (c confined) tooLarge() string {
	return fmt.Sprintf("It wrote more than %s.", bytesText(c.FileBytes))
}

func cpuSpent(exit *exec.ExitError) int64 {
	return int64((exit.UserTime() + exit.SystemTime()).Seconds() + 1)
}

// hoursText writes a time for people.
func hoursText(d time.Duration) string {
	if d < time.Hour {
		return refusal.Plural(int64(d/time.Second), "second", "seconds")
	}
	return refusal.Plural(int64(d/time.Hour), "hour", "hours")
}

// tellTask is whom a task tells.
func (c confined) tellTask() func(int64) {
	if c.Task == "" {
		return nil
	}
	return c.Tell
}
