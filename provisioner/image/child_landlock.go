package image

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// landlockFloor is the version of Landlock without which nothing is opened (Linux 5.19). What later ones add is held by other walls as well, and is
// taken where it is there: cutting files short (3; no other file can be written), TCP (4; no sockets), devices' controls (5; no ioctl), abstract
// sockets and signals (6; namespaces).
const landlockFloor = 2

// What may be done with a file, and with a folder of libraries. Rights that a version does not know are left out.
const (
	mayRead    = unix.LANDLOCK_ACCESS_FS_READ_FILE
	mayRun     = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_EXECUTE
	mayWrite   = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE
	mayRunTree = mayRun | unix.LANDLOCK_ACCESS_FS_READ_DIR
)

// landlockRules is what the thread that asks for it, and what it becomes, may do with files: nothing besides the rules.
type landlockRules struct {
	set    int
	rights uint64 // all that is ruled
}

func newLandlockRules() (landlockRules, error) {
	version, err := landlockVersion()
	if err != nil {
		return landlockRules{}, fmt.Errorf("Landlock: %w", err)
	}
	if version < landlockFloor {
		return landlockRules{}, fmt.Errorf("Landlock has version %d, and %d is needed", version, landlockFloor)
	}
	attr := unix.LandlockRulesetAttr{Handled_access_fs: unix.LANDLOCK_ACCESS_FS_REFER<<1 - 1}
	if version >= 3 {
		attr.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_TRUNCATE
	}
	if version >= 4 {
		attr.Handled_access_net = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
	}
	if version >= 5 {
		attr.Handled_access_fs |= unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	}
	if version >= 6 {
		attr.Scoped = unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET | unix.LANDLOCK_SCOPE_SIGNAL
	}
	set, err := landlockRuleset(&attr)
	if err != nil {
		return landlockRules{}, fmt.Errorf("Landlock: %w", err)
	}
	return landlockRules{set, attr.Handled_access_fs}, nil
}

// allow adds a rule for an open file or folder.
func (r landlockRules) allow(fd int, rights uint64) error {
	if err := landlockAllow(r.set, &unix.LandlockPathBeneathAttr{Parent_fd: int32(fd), Allowed_access: rights & r.rights}); err != nil { //nolint:gosec // a descriptor
		return fmt.Errorf("Landlock: %w", err)
	}
	return nil
}

// allowPath adds a rule for what a path names, if anything.
func (r landlockRules) allowPath(path string, rights uint64) error {
	fd, err := unix.Open(path, unix.O_PATH|unix.O_CLOEXEC, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("Landlock: %w", &os.PathError{Op: "open", Path: path, Err: err})
	}
	defer unix.Close(fd)
	return r.allow(fd, rights)
}

// landlock bounds what files this thread, and what it becomes, can open.
func (c confined) landlock() error {
	rules, err := newLandlockRules()
	if err != nil {
		return err
	}
	defer unix.Close(rules.set)
	allowed := []struct {
		path   string
		rights uint64
	}{{"/etc/ld.so.cache", mayRead}}
	for _, path := range libraries {
		allowed = append(allowed, struct {
			path   string
			rights uint64
		}{path, mayRunTree})
	}
	if c.Program != "" {
		allowed = append(allowed, []struct {
			path   string
			rights uint64
		}{{"/dev/urandom", mayRead}, {"/dev/null", mayWrite}, {c.Program, mayRun}, {c.Read, mayRead}, {c.Write, mayWrite}}...)
	} else if err := rules.allow(selfFD, mayRun); err != nil {
		return err
	}
	for _, a := range allowed {
		if err := rules.allowPath(a.path, a.rights); err != nil {
			return err
		}
	}
	if err := unix.Prctl(unix.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("no new privileges: %w", err)
	}
	if err := landlockRestrict(rules.set); err != nil {
		return fmt.Errorf("Landlock: %w", err)
	}
	return nil
}
