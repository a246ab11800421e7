package image

import (
	"unsafe"

	"golang.org/x/sys/unix"
)

// The kernel's four calls of Landlock (landlock(7)), each for the thread that makes it. A library that rules all threads at once brings C
// along, and this package is linked into programs that have none.

// landlockVersion is what the kernel knows of it, from 1.
func landlockVersion() (int, error) {
	return landlockSet(nil, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
}

// landlockRuleset makes a set of rules without any.
func landlockRuleset(attr *unix.LandlockRulesetAttr) (fd int, err error) {
	return landlockSet(unsafe.Pointer(attr), unsafe.Sizeof(*attr), 0) //nolint:gosec // as the kernel takes it
}

func landlockSet(attr unsafe.Pointer, size, flags uintptr) (int, error) {
	n, _, failed := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, uintptr(attr), size, flags)
	if failed != 0 {
		return 0, failed
	}
	return int(n), nil //nolint:gosec // a descriptor, or a version
}

// landlockAllow adds a rule of what may be done below an open file or folder.
func landlockAllow(set int, rule *unix.LandlockPathBeneathAttr) error {
	_, _, failed := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(set), unix.LANDLOCK_RULE_PATH_BENEATH, uintptr(unsafe.Pointer(rule)), 0, 0, 0) //nolint:gosec // as the kernel takes it
	if failed != 0 {
		return failed
	}
	return nil
}

// landlockRestrict has the rules count for this thread from now on.
func landlockRestrict(set int) error {
	if _, _, failed := unix.Syscall(unix.SYS_LANDLOCK_RESTRICT_SELF, uintptr(set), 0, 0); failed != 0 {
		return failed
	}
	return nil
}
