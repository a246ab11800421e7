package image

import (
	"fmt"
	"maps"
	"slices"

	seccomp "github.com/elastic/go-seccomp-bpf"
	"github.com/elastic/go-seccomp-bpf/arch"
	"golang.org/x/sys/unix"
)

// The system calls that a child has. Whatever is not here (sockets, processes, mounts, namespaces, tracing, keys, BPF, io_uring,
// userfaultfd, a file's owner, mode, times and name) fails with EPERM. Names that a processor does not have are left out.
var (
	// commonCalls are what Go's runtime and reading and writing opened files take.
	commonCalls = []string{
		"read", "write", "readv", "writev", "pread64", "pwrite64", "preadv", "pwritev", "preadv2", "pwritev2", "lseek", "close", "fcntl",
		"fstat", "ftruncate", "fallocate", "fsync", "fdatasync", "sync_file_range", "fadvise64", "copy_file_range",
		"munmap", "mremap", "madvise", "mincore", "brk", "membarrier",
		"futex", "sched_yield", "sched_getaffinity", "nanosleep", "clock_nanosleep", "clock_gettime", "clock_getres", "gettimeofday", "time",
		"getpid", "gettid", "tgkill", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "rt_sigtimedwait", "sigaltstack",
		"exit", "exit_group", "restart_syscall", "getrandom", "set_robust_list", "rseq", "getcpu",
		"epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "eventfd2", "pipe2",
		"clone3", // fails as if there were none, see refuseClone3
	}
	// programCalls are what the dynamic linker and qemu-img take besides. What can be opened and run is in their root.
	programCalls = []string{
		"execve", "execveat", "open", "openat", "access", "faccessat", "faccessat2", "readlink", "readlinkat", "stat", "lstat", "newfstatat", "statx",
		"statfs", "fstatfs", "getcwd", "getdents64", "mmap", "mprotect", "arch_prctl", "set_tid_address", "poll", "ppoll", "select", "pselect6",
		"signalfd4", "timerfd_create", "timerfd_settime", "pipe", "dup", "dup2", "dup3", "uname", "sysinfo", "getrlimit",
		"getuid", "geteuid", "getgid", "getegid", "getppid", "sched_getparam", "sched_getscheduler",
	}
)

// namespaces are the flags of clone that make namespaces.
const namespaces = unix.CLONE_NEWUSER | unix.CLONE_NEWNS | unix.CLONE_NEWNET | unix.CLONE_NEWPID | unix.CLONE_NEWIPC | unix.CLONE_NEWUTS | unix.CLONE_NEWCGROUP

// programPolicy is what a program may call: from the exec that it begins with, and with its own limits to ask for, and lower.
func programPolicy() (seccomp.Policy, error) {
	return policy(slices.Concat(commonCalls, programCalls), map[string]seccomp.Condition{"prlimit64": {Argument: 0, Operation: seccomp.Equal, Value: 0}})
}

// taskPolicy is what a task may call. It opens nothing, and has all its code: none comes after.
func taskPolicy() (seccomp.Policy, error) {
	noCode := seccomp.Condition{Argument: 2, Operation: seccomp.BitsNotSet, Value: unix.PROT_EXEC}
	return policy(commonCalls, map[string]seccomp.Condition{"mmap": noCode, "mprotect": noCode})
}

// policy allows calls by their names, and some on a condition. Threads may be made, and no process.
func policy(names []string, some map[string]seccomp.Condition) (seccomp.Policy, error) {
	machine, err := arch.GetInfo("")
	if err != nil {
		return seccomp.Policy{}, err
	}
	conditions := []seccomp.NameWithConditions{{Name: "clone", Conditions: seccomp.ArgumentConditions{
		{Argument: 0, Operation: seccomp.BitsSet, Value: unix.CLONE_THREAD},
		{Argument: 0, Operation: seccomp.BitsNotSet, Value: namespaces},
	}}}
	for _, name := range slices.Sorted(maps.Keys(some)) {
		conditions = append(conditions, seccomp.NameWithConditions{Name: name, Conditions: seccomp.ArgumentConditions{some[name]}})
	}
	names = slices.DeleteFunc(slices.Clone(names), func(name string) bool { _, known := machine.SyscallNames[name]; return !known })
	return seccomp.Policy{
		DefaultAction: seccomp.ActionErrno, // EPERM
		// One group: the second of two would never be asked.
		Syscalls: []seccomp.SyscallGroup{{Action: seccomp.ActionAllow, Names: names, NamesWithCondtions: conditions}},
	}, nil
}

// refuseClone3 lets clone3, whose flags no filter can see, fail as on a kernel that has none: the C library then takes clone.
func refuseClone3() (seccomp.Policy, error) {
	return seccomp.Policy{
		DefaultAction: seccomp.ActionAllow,
		Syscalls:      []seccomp.SyscallGroup{{Action: seccomp.ActionErrno | seccomp.Action(unix.ENOSYS), Names: []string{"clone3"}}},
	}, nil
}

// tsync filters all threads, and not this one alone.
const tsync = seccomp.FilterFlagTSync

// filter bounds what this thread may call, for ever. No new privileges must be set.
func filter(allowed func() (seccomp.Policy, error), flag seccomp.FilterFlag) error {
	for _, policy := range []func() (seccomp.Policy, error){refuseClone3, allowed} {
		p, err := policy()
		if err == nil {
			err = seccomp.LoadFilter(seccomp.Filter{Flag: flag, Policy: p})
		}
		if err != nil {
			return fmt.Errorf("seccomp: %w", err)
		}
	}
	return nil
}
