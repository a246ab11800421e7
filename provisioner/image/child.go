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
	"unsafe"

	"github.com/landlock-lsm/go-landlock/landlock"
	"golang.org/x/sys/unix"
)

// The descriptors that a child is handed beside the usual three.
const (
	reportFD = 3
	inFD     = 4 // of a task: the file that it reads
	outFD    = 5 // of a task that writes: the file that it writes
)

// Main does nothing in an ordinary process. In the confined child of Verify it never returns.
func Main() {
	if os.Getenv(childMarker) == "" {
		return
	}
	if err := runChild(); err != nil {
		fmt.Fprintln(os.Stderr, "confined child:", err)
		os.Exit(exitSetup)
	}
	os.Exit(0)
}

// exitSetup is the child's status when it could not confine itself; qemu-img and Go's runtime have none so high.
const exitSetup = 120

// maxOrders bounds what a child reads of its orders. They are ours.
const maxOrders = 16 << 20

// runChild confines this process and does its work: becomes the program, or does the task. An error says why it could not.
func runChild() error {
	var c confined
	if err := json.NewDecoder(io.LimitReader(os.Stdin, maxOrders)).Decode(&c); err != nil {
		return fmt.Errorf("orders: %w", err)
	}
	syscall.CloseOnExec(reportFD)
	if err := c.confine(); err != nil {
		return err
	}
	if c.Task == "" {
		return become(c.Program, append([]string{c.Program}, c.Args...), childEnv)
	}
	work := tasks[c.Task]
	if work == nil {
		return fmt.Errorf("no task is called %q", c.Task)
	}
	var out *os.File
	if c.Write != "" {
		out = os.NewFile(outFD, "out")
	}
	// A task is told of a full output by its write, and not ended by a signal without a word.
	signal.Ignore(syscall.SIGXFSZ)
	debug.SetMemoryLimit(taskMemory)
	return work.do(c, os.NewFile(reportFD, "report"), os.NewFile(inFD, "in"), out)
}

// confine takes from this process everything but its work.
func (c confined) confine() error {
	// Best effort is for what newer kernels add (network, scopes); that the file system is covered was made sure of
	// by sandboxMissing before the child was started.
	var rules []landlock.Rule
	if c.Task == "" {
		rules = c.landlockRules()
	}
	if err := landlock.V6.BestEffort().Restrict(rules...); err != nil {
		return fmt.Errorf("Landlock: %w", err)
	}
	// Others on this machine go first.
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, 10)
	limits := []struct {
		what int
		to   uint64
	}{
		{unix.RLIMIT_CORE, 0},
		{unix.RLIMIT_NOFILE, 64},
		{unix.RLIMIT_FSIZE, whole(c.FileBytes)},
		{unix.RLIMIT_CPU, whole(c.CPUSeconds)},
		{unix.RLIMIT_DATA, memoryLimit},
	}
	for _, limit := range limits {
		if err := unix.Setrlimit(limit.what, &unix.Rlimit{Cur: limit.to, Max: limit.to}); err != nil {
			return fmt.Errorf("limit %d: %w", limit.what, err)
		}
	}
	return nil
}

// landlockRules are what a program may open. A task opens nothing.
func (c confined) landlockRules() []landlock.Rule {
	rules := []landlock.Rule{
		landlock.ROFiles(c.Program, c.Read, "/dev/urandom"),
		landlock.RWFiles("/dev/null"), // QEMU opens it to learn how files are locked
		landlock.ROFiles("/etc/ld.so.cache").IgnoreIfMissing(),
		landlock.RODirs("/lib", "/lib64", "/usr/lib", "/usr/lib64").IgnoreIfMissing(),
	}
	if c.Write != "" {
		rules = append(rules, landlock.RWFiles(c.Write))
	}
	return rules
}

// childEnv is the program's whole environment. With an arena of its own, 64 MiB of addresses and more, each of QEMU's
// threads would soon reach the memory limit, and QEMU abort on a sound image.
var childEnv = []string{"LC_ALL=C", "PATH=/nonexistent", "MALLOC_ARENA_MAX=1"}

// become limits this process's memory and becomes the program. Go's own runtime has more address space than the limit
// leaves and would die of its next request for memory, so nothing may happen between the two calls: no collection, no
// allocation, no scheduling.
func become(program string, args, env []string) error {
	path, err := syscall.BytePtrFromString(program)
	if err != nil {
		return err
	}
	argv, err := syscall.SlicePtrFromStrings(args)
	if err != nil {
		return err
	}
	envv, err := syscall.SlicePtrFromStrings(env)
	if err != nil {
		return err
	}
	runtime.GC()
	debug.SetGCPercent(-1)
	runtime.LockOSThread()
	limit := unix.Rlimit{Cur: memoryLimit, Max: memoryLimit}
	_, _, failed := syscall.RawSyscall6(unix.SYS_PRLIMIT64, 0, unix.RLIMIT_AS, uintptr(unsafe.Pointer(&limit)), 0, 0, 0) //nolint:gosec // two calls of the kernel with nothing between them, see above
	if failed == 0 {
		_, _, failed = syscall.RawSyscall(unix.SYS_EXECVE, uintptr(unsafe.Pointer(path)), uintptr(unsafe.Pointer(&argv[0])), uintptr(unsafe.Pointer(&envv[0]))) //nolint:gosec // the same
	}
	syscall.RawSyscall(unix.SYS_EXIT_GROUP, exitSetup, uintptr(failed), 0)
	return failed
}
