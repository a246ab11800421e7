package image

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"syscall"
	"unsafe"

	"github.com/landlock-lsm/go-landlock/landlock"
	lowlevel "github.com/landlock-lsm/go-landlock/landlock/syscall"
	"golang.org/x/sys/unix"
)

// childMarker carries the confined child's orders, as JSON.
const childMarker = "VOLARY_IMAGE_CHILD"

// memoryLimit is the child's address space. qemu-img needs about 150 MiB of it for an honest disk.
const memoryLimit = 1 << 30

// confined is one program run in the child: what it may touch and use up.
type confined struct {
	Program    string
	Args       []string
	Read       string // the one file it may read besides its libraries
	Write      string // the one file it may write; made before; empty for none
	FileBytes  int64  // the largest file it may write
	CPUSeconds int64
}

// Main does nothing in an ordinary process. In the confined child of Verify it never returns.
func Main() {
	orders := os.Getenv(childMarker)
	if orders == "" {
		return
	}
	err := runChild(orders)
	fmt.Fprintln(os.Stderr, "confined child:", err)
	os.Exit(exitSetup)
}

// exitSetup is the child's status when it could not confine itself; qemu-img has none so high.
const exitSetup = 120

// runChild confines this process and becomes the program. It returns only to say why it could not.
func runChild(orders string) error {
	var c confined
	if err := json.Unmarshal([]byte(orders), &c); err != nil {
		return fmt.Errorf("orders: %w", err)
	}
	// Best effort is for what newer kernels add (network, scopes); that the file system is covered was made sure of
	// by sandboxMissing before the child was started.
	rules := []landlock.Rule{
		landlock.ROFiles(c.Program, c.Read, "/dev/urandom"),
		landlock.RWFiles("/dev/null"), // QEMU opens it to learn how files are locked
		landlock.ROFiles("/etc/ld.so.cache").IgnoreIfMissing(),
		landlock.RODirs("/lib", "/lib64", "/usr/lib", "/usr/lib64").IgnoreIfMissing(),
	}
	if c.Write != "" {
		rules = append(rules, landlock.RWFiles(c.Write))
	}
	if err := landlock.V6.BestEffort().Restrict(rules...); err != nil {
		return fmt.Errorf("Landlock: %w", err)
	}
	// Others on this machine go first.
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, 10)
	for _, limit := range []struct {
		what int
		to   uint64
	}{
		{unix.RLIMIT_CORE, 0},
		{unix.RLIMIT_NOFILE, 64},
		{unix.RLIMIT_FSIZE, whole(c.FileBytes)},
		{unix.RLIMIT_CPU, whole(c.CPUSeconds)},
	} {
		if err := unix.Setrlimit(limit.what, &unix.Rlimit{Cur: limit.to, Max: limit.to}); err != nil {
			return fmt.Errorf("limit %d: %w", limit.what, err)
		}
	}
	return become(c.Program, append([]string{c.Program}, c.Args...), childEnv)
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

// sandboxMissing says what this machine lacks to confine a child; empty for nothing.
func sandboxMissing() string {
	if version, err := lowlevel.LandlockGetABIVersion(); err != nil || version < 1 {
		return "this kernel has no Landlock (CONFIG_SECURITY_LANDLOCK, and lsm= must name it)"
	}
	return ""
}

// outcome is how a confined program ended.
type outcome struct {
	status int    // exit status; -1 where a signal ended it
	output string // what it said on standard output
	words  string // the end of what it said on standard error, for people
	limit  string // the limit that ended it, in words; empty where none did
}

// run starts this executable again as a confined child. An error means that the machine failed, not the image.
func (c confined) run(ctx context.Context) (outcome, error) {
	self, err := os.Executable()
	if err != nil {
		return outcome{}, fmt.Errorf("confined child: %w", err)
	}
	orders, err := json.Marshal(c)
	if err != nil {
		return outcome{}, fmt.Errorf("confined child: %w", err)
	}
	var stdout, stderr tail
	cmd := exec.CommandContext(ctx, self) //nolint:gosec // this very program
	cmd.Env = []string{childMarker + "=" + string(orders)}
	cmd.Dir = "/"
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	// The child ends with us. The signal is tied to the thread that forks, which therefore must outlive it.
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL, Setpgid: true}
	runtime.LockOSThread()
	err = cmd.Run()
	runtime.UnlockOSThread()
	if ctx.Err() != nil {
		return outcome{}, ctx.Err()
	}
	o := outcome{output: stdout.String(), words: strings.TrimSpace(stderr.String())}
	var exit *exec.ExitError
	switch {
	case err == nil:
		return o, nil
	case !errors.As(err, &exit):
		return o, fmt.Errorf("confined child: %w", err)
	}
	o.status = exit.ExitCode()
	status, _ := exit.Sys().(syscall.WaitStatus)
	switch {
	case o.status == exitSetup:
		return o, fmt.Errorf("the child could not confine itself: %s", o.words)
	case strings.Contains(o.words, "qemu_thread_create"):
		return o, fmt.Errorf("the confined child had no room for its threads: %s", o.words)
	case strings.Contains(o.words, "No space left on device"):
		return o, fmt.Errorf("%w: %s", errNoSpace, o.words)
	case status.Signaled() && (status.Signal() == syscall.SIGXCPU || status.Signal() == syscall.SIGKILL && cpuSpent(exit) >= c.CPUSeconds):
		o.limit = fmt.Sprintf("It took more than %d seconds of processor time.", c.CPUSeconds)
	case status.Signaled() && status.Signal() == syscall.SIGXFSZ, strings.Contains(o.words, "File too large"):
		o.limit = fmt.Sprintf("It wrote more than %s.", bytesText(c.FileBytes))
	case strings.Contains(o.words, "Cannot allocate memory"), strings.Contains(o.words, "Could not allocate"):
		o.limit = fmt.Sprintf("It took more than %s of memory.", bytesText(memoryLimit))
	case status.Signaled() && status.Signal() == syscall.SIGKILL:
		return o, fmt.Errorf("the confined child was killed: %s", o.words)
	}
	return o, nil
}

func cpuSpent(exit *exec.ExitError) int64 {
	return int64((exit.UserTime() + exit.SystemTime()).Seconds() + 1)
}

// tail keeps the last 32 KiB of what is written to it: a hostile image may make a program say a great deal.
type tail struct{ buf bytes.Buffer }

func (t *tail) Write(p []byte) (int, error) {
	const keep = 32 << 10
	t.buf.Write(p)
	if over := t.buf.Len() - keep; over > 0 {
		t.buf.Next(over)
	}
	return len(p), nil
}

func (t *tail) String() string { return strings.ToValidUTF8(t.buf.String(), "�") }
