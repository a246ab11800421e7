package image

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"syscall"

	"golang.org/x/sys/unix"
)

// childUser is the number of the user and of the group that a child works as where the worker is root. It is nobody's: it lies outside of what
// login.defs, systemd (dynamic users, containers) and user namespaces of today give away.
const childUser = 2_000_000_023

// namespaced gives the child namespaces of its own and nobody's rights in ours. In its user namespace the worker's user is setupID. A worker that is
// root has a user of its own for it, and whoever else the two files are of is there as well: rights count for what has a number there.
func (c confined) namespaced(attr *syscall.SysProcAttr) error {
	attr.Cloneflags = namespaces
	attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: setupID, HostID: os.Geteuid(), Size: 1}}
	attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: setupID, HostID: os.Getegid(), Size: 1}}
	if !c.OwnUser {
		return nil
	}
	attr.GidMappingsEnableSetgroups = true
	attr.UidMappings, attr.GidMappings = mapTo(attr.UidMappings, childUser), mapTo(attr.GidMappings, childUser)
	for _, path := range []string{c.Read, c.Write} {
		var stat unix.Stat_t
		if err := unix.Stat(path, &stat); errors.Is(err, fs.ErrNotExist) && path == "" {
			continue
		} else if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		attr.UidMappings, attr.GidMappings = mapTo(attr.UidMappings, int(stat.Uid)), mapTo(attr.GidMappings, int(stat.Gid))
	}
	return nil
}

// mapTo gives a user outside the next number inside.
func mapTo(ids []syscall.SysProcIDMap, outside int) []syscall.SysProcIDMap {
	if slices.ContainsFunc(ids, func(m syscall.SysProcIDMap) bool { return m.HostID == outside }) {
		return ids
	}
	return append(ids, syscall.SysProcIDMap{ContainerID: len(ids), HostID: outside, Size: 1})
}

// mayGiveUser tells whether this process may start another as childUser: root with the rights to do so, where that user has a number (in a
// container without root it has none).
func mayGiveUser() bool {
	return os.Geteuid() == 0 && hasRootRights() && mapped("/proc/self/uid_map") && mapped("/proc/self/gid_map")
}

// hasRootRights tells whether this process may give numbers in a new user namespace to other users, root among them.
func hasRootRights() bool {
	head := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var have [2]unix.CapUserData
	const need = 1<<unix.CAP_SETUID | 1<<unix.CAP_SETGID | 1<<unix.CAP_SETFCAP
	return unix.Capget(&head, &have[0]) == nil && have[0].Effective&need == need
}

// mapped tells whether childUser is anybody in our own user namespace.
func mapped(file string) bool {
	f, err := os.Open(file)
	if err != nil {
		return false
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	for lines.Scan() {
		var inside, outside, length int64
		if n, err := fmt.Sscan(lines.Text(), &inside, &outside, &length); err == nil && n == 3 && inside <= childUser && childUser-inside < length {
			return true
		}
	}
	return false
}
