package image

import (
	"encoding/json"
	"errors"
	"maps"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// tryTasks and stages are how a child tries its walls from inside, all of them and single ones.
func tryTasks() {
	stages["unfiltered"] = func(c confined) error {
		runtime.LockOSThread()
		syscall.CloseOnExec(selfFD)
		if err := c.confine(); err != nil {
			return err
		}
		return becomeStage("unfiltered task")
	}
	stages["landlock"] = func(c confined) error {
		runtime.LockOSThread()
		if err := c.landlock(); err != nil {
			return err
		}
		return becomeStage("unfiltered task")
	}
	stages["unfiltered task"] = confined.doTask
	maps.Copy(tasks, map[string]task{
		"try all": tryWith(tryAll), "try walls": tryWith(tryWalls), "try files": tryWith(tryFiles),
		"threads": func(*os.File, *os.File, json.RawMessage, func(int64)) (any, error) {
			for range 1000 {
				go func() {
					runtime.LockOSThread()
					time.Sleep(time.Hour) //nolint:forbidigo // it never ends
				}()
			}
			<-time.NewTimer(time.Hour).C
			return nil, nil
		},
	})
}

func tryWith(try func(p probe, said map[string]string)) task {
	return func(_, _ *os.File, orders json.RawMessage, _ func(int64)) (any, error) {
		var p probe
		if err := json.Unmarshal(orders, &p); err != nil {
			return nil, err
		}
		said := map[string]string{}
		try(p, said)
		return said, nil
	}
}

// words is what came of a try: the cause alone, without paths.
func words(err error) string {
	var errno syscall.Errno
	switch {
	case err == nil:
		return "done"
	case errors.As(err, &errno):
		return errno.Error()
	}
	return err.Error()
}

func call(number uintptr, args ...uintptr) error {
	var a [6]uintptr
	copy(a[:], args)
	r, _, failed := syscall.RawSyscall6(number, a[0], a[1], a[2], a[3], a[4], a[5])
	if failed != 0 {
		return failed
	}
	if r == 0 && (number == unix.SYS_CLONE || number == unix.SYS_FORK) { // the child that there must not be
		syscall.RawSyscall(unix.SYS_EXIT, 0, 0, 0)
	}
	return nil
}

func tryAll(p probe, said map[string]string) {
	tryFiles(p, said)
	text := func(s string) uintptr { b := append([]byte(s), 0); return uintptr(unsafe.Pointer(&b[0])) }
	space := make([]byte, 4096)
	room := uintptr(unsafe.Pointer(&space[0]))
	for try, err := range map[string]error{
		"socket inet": call(unix.SYS_SOCKET, unix.AF_INET, unix.SOCK_STREAM), "socket inet6": call(unix.SYS_SOCKET, unix.AF_INET6, unix.SOCK_DGRAM),
		"socket unix": call(unix.SYS_SOCKET, unix.AF_UNIX, unix.SOCK_STREAM), "socket netlink": call(unix.SYS_SOCKET, unix.AF_NETLINK, unix.SOCK_RAW),
		"socket vsock": call(unix.SYS_SOCKET, unix.AF_VSOCK, unix.SOCK_STREAM), "socketpair": call(unix.SYS_SOCKETPAIR, unix.AF_UNIX, unix.SOCK_STREAM, 0, room),
		"fork": call(unix.SYS_CLONE, uintptr(syscall.SIGCHLD)), "clone3": call(unix.SYS_CLONE3, room, 88),
		"thread in a namespace": call(unix.SYS_CLONE, unix.CLONE_THREAD|unix.CLONE_VM|unix.CLONE_SIGHAND|unix.CLONE_NEWNET),
		"unshare":               call(unix.SYS_UNSHARE, unix.CLONE_NEWUSER), "setns": call(unix.SYS_SETNS, 0, 0),
		"exec": call(unix.SYS_EXECVE, text("/bin/sh"), room, room), "exec itself": call(unix.SYS_EXECVEAT, selfFD, text(""), room, room, unix.AT_EMPTY_PATH),
		"mount": call(unix.SYS_MOUNT, text("x"), text("/"), text("tmpfs"), 0, 0), "umount": call(unix.SYS_UMOUNT2, text("/"), 0), "pivot_root": call(unix.SYS_PIVOT_ROOT, text("/"), text("/")),
		"chroot": call(unix.SYS_CHROOT, text("/")), "chdir": call(unix.SYS_CHDIR, text("/")), "open_tree": call(unix.SYS_OPEN_TREE, 0, text("/"), 0),
		"ptrace": call(unix.SYS_PTRACE, unix.PTRACE_TRACEME), "process_vm_readv": call(unix.SYS_PROCESS_VM_READV, 1), "pidfd_open": call(unix.SYS_PIDFD_OPEN, 1),
		"kill the parent": call(unix.SYS_KILL, uintptr(p.Parent), uintptr(syscall.SIGTERM)), "kill all": call(unix.SYS_KILL, ^uintptr(0), uintptr(syscall.SIGTERM)),
		"keyctl": call(unix.SYS_KEYCTL), "bpf": call(unix.SYS_BPF), "io_uring": call(unix.SYS_IO_URING_SETUP, 8, room), "userfaultfd": call(unix.SYS_USERFAULTFD),
		"perf_event_open": call(unix.SYS_PERF_EVENT_OPEN, room), "memfd_create": call(unix.SYS_MEMFD_CREATE, text("x"), 0), "ioctl": call(unix.SYS_IOCTL, 0, unix.TIOCSTI, room),
		"run what it writes": call(unix.SYS_MMAP, 0, 4096, unix.PROT_READ|unix.PROT_WRITE|unix.PROT_EXEC, unix.MAP_PRIVATE|unix.MAP_ANON, ^uintptr(0)),
		"make it code":       call(unix.SYS_MPROTECT, room&^4095, 4096, unix.PROT_READ|unix.PROT_EXEC),
		"raise a limit":      call(unix.SYS_PRLIMIT64, 0, unix.RLIMIT_NOFILE, room), "prctl": call(unix.SYS_PRCTL, unix.PR_SET_DUMPABLE, 1), "shared memory": call(unix.SYS_SHMGET, 0, 4096, 0o1666),
		"mode of the input": call(unix.SYS_FCHMOD, inFD, 0o777), "owner of the output": call(unix.SYS_FCHOWN, outFD, 0, 0), "times of the input": call(unix.SYS_UTIMENSAT, inFD, 0, room, 0),
		"seccomp": call(unix.SYS_SECCOMP, 1, 0, room), "setuid": call(unix.SYS_SETUID, 0), "reboot": call(unix.SYS_REBOOT), "init_module": call(unix.SYS_INIT_MODULE),
		"write to the input": call(unix.SYS_WRITE, inFD, room, 1), "cut the input": call(unix.SYS_FTRUNCATE, inFD, 0),
	} {
		said[try] = words(err)
	}
}

// tryFiles tries to reach files by their names.
func tryFiles(p probe, said map[string]string) {
	for try, path := range map[string]string{
		"read the secret": p.Secret, "read the processes": "/proc/1/environ", "read the users": "/etc/passwd",
		"read its memory": "/proc/self/mem", "read the folder": p.Folder, "read the root": "/",
	} {
		f, err := os.Open(path)
		if err == nil {
			f.Close()
		}
		said[try] = words(err)
	}
	for try, path := range map[string]string{
		"write beside the output": filepath.Join(p.Folder, "new"), "write to /tmp": "/tmp/volary-child-was-here", "write to shared memory": "/dev/shm/volary-child-was-here",
	} {
		said[try] = words(os.WriteFile(path, []byte("x"), 0o600))
	}
}

// tryWalls tries what the filter of calls would forbid anyway.
func tryWalls(p probe, said map[string]string) {
	list := func(path string) error { _, err := os.ReadDir(path); return err }
	dial := func(network string) error {
		connection, err := net.Dial(network, net.JoinHostPort("127.0.0.1", strconv.Itoa(p.Port)))
		if err == nil {
			connection.Close()
		}
		return err
	}
	raised := unix.Rlimit{Cur: 1 << 20, Max: 1 << 20}
	read := func(path string) error { _, err := os.ReadFile(path); return err }
	for try, err := range map[string]error{
		"connect to this machine": dial("tcp"), "send to this machine": dial("udp"), "read the secret": read(p.Secret), "list /proc": list("/proc/1"), "list /tmp": list("/tmp"), "list /dev": list("/dev/shm"),
		"write beside the output": os.WriteFile(filepath.Join(p.Folder, "new"), []byte("x"), 0o600), "write to the root": os.WriteFile("/new", []byte("x"), 0o600),
		"write a library":   os.WriteFile("/usr/lib/volary-child-was-here", []byte("x"), 0o600),
		"signal the parent": unix.Kill(p.Parent, 0), "signal any": unix.Kill(-1, 0),
		"mount": unix.Mount("x", "/usr/lib", "tmpfs", 0, ""), "host name": unix.Sethostname([]byte("x")), "leave the root": unix.Chroot("/usr"),
		"run a shell":        unix.Exec("/bin/sh", []string{"sh"}, nil),
		"more memory locked": unix.Setrlimit(unix.RLIMIT_MEMLOCK, &raised), "more processes allowed": unix.Setrlimit(unix.RLIMIT_NPROC, &raised),
	} {
		said[try] = words(err)
	}
	said["its number"] = strconv.Itoa(os.Getpid())
	made := 0
	for range 1000 {
		// Each waits for ever, and ends with its namespace, and with this one where it has none.
		pid, _, failed := syscall.RawSyscall6(unix.SYS_CLONE, uintptr(syscall.SIGCHLD), 0, 0, 0, 0, 0)
		if failed != 0 {
			break
		}
		if pid == 0 {
			syscall.RawSyscall(unix.SYS_PRCTL, unix.PR_SET_PDEATHSIG, uintptr(syscall.SIGKILL), 0)
			for {
				syscall.RawSyscall(unix.SYS_PAUSE, 0, 0, 0)
			}
		}
		made++
	}
	said["processes made"] = strconv.Itoa(made)
}

// listen takes connections on this machine until the test ends.
func listen(t *testing.T) (port int) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	return l.Addr().(*net.TCPAddr).Port
}
