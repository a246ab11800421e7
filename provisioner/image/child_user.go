package image

import (
	"errors"
	"fmt"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The numbers of users and groups in the child's user namespace.
const (
	setupID = 0 // who sets the child up: the worker's user
	workID  = 1 // who works in it, where the worker may give it a user of its own
)

// becomeUser takes from this thread every right over the namespaces that were made for the process, and where there is another user to work as makes
// it that user's. Of all rights that one keeps the one to open others' files: to start the next program, and over that for a program, which has to
// open its two files by their names, in a root that has no other file of anybody's.
func (c confined) becomeUser() error {
	// Being number 0 here gives no right back.
	const noRoot = 1<<0 | 1<<1 // SECBIT_NOROOT and its lock
	if err := unix.Prctl(unix.PR_SET_SECUREBITS, noRoot, 0, 0, 0); err != nil {
		return fmt.Errorf("secure bits: %w", err)
	}
	var keep, inherit uint32
	if c.OwnUser {
		if err := becomeOther(); err != nil {
			return err
		}
		keep = 1 << unix.CAP_DAC_OVERRIDE
		if c.Program != "" {
			inherit = keep
		}
	}
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	data := [2]unix.CapUserData{{Effective: keep, Permitted: keep, Inheritable: inherit}}
	if err := unix.Capset(&head, &data[0]); err != nil {
		return fmt.Errorf("capset: %w", err)
	}
	if inherit != 0 {
		if err := unix.Prctl(unix.PR_CAP_AMBIENT, unix.PR_CAP_AMBIENT_RAISE, unix.CAP_DAC_OVERRIDE, 0, 0); err != nil {
			return fmt.Errorf("ambient capability: %w", err)
		}
	}
	return endWithParent()
}

// becomeOther makes this thread the other user's, which keeps its rights for a moment.
func becomeOther() error {
	if err := unix.Prctl(unix.PR_SET_KEEPCAPS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("keep capabilities: %w", err)
	}
	// The library's own functions change all threads.
	for _, call := range []struct {
		name               string
		number, a1, a2, a3 uintptr
	}{
		{"setgroups", unix.SYS_SETGROUPS, 0, 0, 0},
		{"setresgid", unix.SYS_SETRESGID, workID, workID, workID},
		{"setresuid", unix.SYS_SETRESUID, workID, workID, workID},
	} {
		if _, _, failed := syscall.RawSyscall(call.number, call.a1, call.a2, call.a3); failed != 0 {
			return fmt.Errorf("%s: %w", call.name, failed)
		}
	}
	return nil
}

// endWithParent ends this process with the worker. A change of user takes that away, which was set when it was started.
func endWithParent() error {
	if err := unix.Prctl(unix.PR_SET_PDEATHSIG, uintptr(syscall.SIGKILL), 0, 0, 0); err != nil {
		return fmt.Errorf("end with the parent: %w", err)
	}
	// A parent that ended just before reads no report any more.
	report := []unix.PollFd{{Fd: reportFD}}
	if _, err := unix.Poll(report, 0); err == nil && report[0].Revents&unix.POLLERR != 0 {
		return errors.New("the worker has ended")
	}
	return nil
}

// become makes this thread, with all that was set for it alone, the whole process: the program at path, or where path is empty this
// program again. Of a program the memory is limited before. Go's own runtime has more address space than the limit
// leaves and would die of its next request for memory, so nothing may happen between the two calls: no collection, no
// allocation, no scheduling.
func become(next executable) error {
	path, err := syscall.BytePtrFromString(next.path)
	if err != nil {
		return err
	}
	argv, err := syscall.SlicePtrFromStrings(next.args)
	if err != nil {
		return err
	}
	envv, err := syscall.SlicePtrFromStrings(next.env)
	if err != nil {
		return err
	}
	prepareToBecome()
	var failed syscall.Errno
	if next.addressSpace > 0 {
		limit := unix.Rlimit{Cur: next.addressSpace, Max: next.addressSpace}
		_, _, failed = syscall.RawSyscall6(unix.SYS_PRLIMIT64, 0, unix.RLIMIT_AS, uintptr(unsafe.Pointer(&limit)), 0, 0, 0) //nolint:gosec // two calls of the kernel with nothing between them, see above
	}
	if failed == 0 {
		_, _, failed = syscall.RawSyscall6(unix.SYS_EXECVEAT, next.fd, uintptr(unsafe.Pointer(path)), uintptr(unsafe.Pointer(&argv[0])), uintptr(unsafe.Pointer(&envv[0])), next.flags, 0) //nolint:gosec // the same
	}
	syscall.RawSyscall(unix.SYS_EXIT_GROUP, exitSetup, uintptr(failed), 0)
	return failed
}
