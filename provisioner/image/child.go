package image

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"runtime"
	"runtime/debug"
	"syscall"

	"golang.org/x/sys/unix"
)

// The descriptors that a child is handed beside the usual three. Its orders, a confined as JSON, are a file on its standard input.
const (
	reportFD = 3
	selfFD   = 4 // this program: nothing else of its root can be run
	inFD     = 5 // of a task: the file that it reads
	outFD    = 6 // of a task that writes: the file that it writes
)

// childMarker marks the environment of a confined child with the stage of its life.
const childMarker = "VOLARY_IMAGE_CHILD"

// A child first confines one of its threads, which then becomes the whole process: the program; or this program again, for a task. What a thread is
// confined to holds for what it becomes, and nothing is left of the other threads that Go has started before.
const (
	stageSetup = "setup"
	stageTask  = "task"
)

var stages = map[string]func(confined) error{stageSetup: setUp, stageTask: doTask}

// Main does nothing in an ordinary process. In the confined child of Verify it never returns.
func Main() {
	stage := os.Getenv(childMarker)
	if stage == "" {
		return
	}
	c, err := readOrders()
	if work := stages[stage]; err == nil && work != nil {
		err = work(c)
	} else if err == nil {
		err = fmt.Errorf("no stage is called %q", stage)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "confined child:", err)
		os.Exit(exitSetup)
	}
	os.Exit(0)
}

// exitSetup is the child's status when it could not confine itself; qemu-img and Go's runtime have none so high.
const exitSetup = 120

// maxOrders bounds what a child reads of its orders. They are ours.
const maxOrders = 16 << 20

func readOrders() (c confined, err error) {
	if _, err := os.Stdin.Seek(0, io.SeekStart); err != nil {
		return c, fmt.Errorf("orders: %w", err)
	}
	if err := json.NewDecoder(io.LimitReader(os.Stdin, maxOrders)).Decode(&c); err != nil {
		return c, fmt.Errorf("orders: %w", err)
	}
	return c, nil
}

// setUp confines this process and becomes who does the work. An error says why it could not.
func setUp(c confined) error {
	runtime.LockOSThread()
	if c.Program != "" {
		syscall.CloseOnExec(reportFD)
	}
	syscall.CloseOnExec(selfFD)
	if err := c.confine(); err != nil {
		return err
	}
	if c.Program == "" {
		return becomeStage(stageTask)
	}
	if err := filter(programPolicy, 0); err != nil {
		return err
	}
	return become(executable{path: c.Program, args: append([]string{c.Program}, c.Args...), env: programEnv, addressSpace: memoryLimit})
}

// becomeStage begins the next stage of this program's life as a child.
func becomeStage(stage string) error {
	return become(executable{fd: selfFD, flags: unix.AT_EMPTY_PATH, args: []string{"confined"}, env: []string{childMarker + "=" + stage}})
}

// doTask bounds what this process, which setUp has confined, may ask of the kernel, and does the task. Nothing of a stranger's has been read before.
func doTask(c confined) error {
	// A task is told of a full output by its write, and not ended by a signal without a word.
	signal.Ignore(syscall.SIGXFSZ)
	debug.SetMemoryLimit(taskMemory)
	if err := filter(taskPolicy, tsync); err != nil {
		return err
	}
	return c.doTask()
}

func (c confined) doTask() error {
	if c.Task == "" {
		return nil // it was to be seen whether it can be confined
	}
	work := tasks[c.Task]
	if work == nil {
		return fmt.Errorf("no task is called %q", c.Task)
	}
	var out *os.File
	if c.Write != "" {
		out = os.NewFile(outFD, "out")
	}
	return work.do(c, os.NewFile(reportFD, "report"), os.NewFile(inFD, "in"), out)
}

// confine takes from this process, and from this thread, everything but its work. Each step leaves the next what it needs.
func (c confined) confine() error {
	if err := newRoot(c.contents()); err != nil {
		return err
	}
	// Others on this machine go first.
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, 10+c.Nice)
	for _, limit := range c.limits() {
		if err := unix.Setrlimit(limit.what, &unix.Rlimit{Cur: limit.to, Max: limit.to}); err != nil {
			return fmt.Errorf("limit %d: %w", limit.what, err)
		}
	}
	if err := c.becomeUser(); err != nil {
		return err
	}
	return c.landlock()
}

// limit is one of the kernel's limits.
type limit struct {
	what int
	to   uint64
}

// maxThreads is how many threads a child has: QEMU takes 64 for its files alone. The kernel counts them by user and user namespace, and a child
// has its namespace for itself.
const maxThreads = 128

func (c confined) limits() []limit {
	return []limit{
		{unix.RLIMIT_CORE, 0},
		{unix.RLIMIT_NOFILE, 64},
		{unix.RLIMIT_NPROC, maxThreads},
		{unix.RLIMIT_MEMLOCK, 0},
		{unix.RLIMIT_MSGQUEUE, 0},
		{unix.RLIMIT_FSIZE, whole(c.FileBytes)},
		{unix.RLIMIT_CPU, whole(c.CPUSeconds)},
		{unix.RLIMIT_DATA, memoryLimit},
	}
}

// executable is what a thread becomes: what path names, or an open file with an empty path.
type executable struct {
	path         string
	fd, flags    uintptr
	args, env    []string
	addressSpace uint64 // bytes; 0 for no bound
}

// programEnv is a program's whole environment. With an arena of its own, 64 MiB of addresses and more, each of QEMU's
// threads would soon reach the memory limit, and QEMU abort on a sound image.
var programEnv = []string{"LC_ALL=C", "PATH=/nonexistent", "MALLOC_ARENA_MAX=1"}

// prepareToBecome leaves nothing for Go's runtime to do by itself.
func prepareToBecome() {
	runtime.GC()
	debug.SetGCPercent(-1)
}
