package image

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// rootAt is where the child's root is built before it becomes the root. It exists wherever this program runs, and nothing of the real one is
// needed: the new root has no /proc, by which processes, their memory and their open files could be reached.
const rootAt = "/proc"

// inRoot is one thing that the new root has. Attributes are what the mount takes away.
type inRoot struct {
	path       string
	attributes uint64
	optional   bool
}

const (
	readOnly = unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV
	dataOnly = unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NODEV | unix.MOUNT_ATTR_NOEXEC
	device   = unix.MOUNT_ATTR_RDONLY | unix.MOUNT_ATTR_NOSUID | unix.MOUNT_ATTR_NOEXEC
)

// libraries are where a program's libraries lie.
var libraries = []string{"/usr/lib", "/usr/lib64", "/lib", "/lib64"}

// devices are what QEMU opens: /dev/null to learn how files are locked.
var devices = []string{"/dev/null", "/dev/urandom"}

// contents are what the root of a child has. A task has no more than the libraries that this program is linked with.
func (c confined) contents() []inRoot {
	all := []inRoot{{"/etc/ld.so.cache", readOnly | unix.MOUNT_ATTR_NOEXEC, true}}
	for _, path := range libraries {
		all = append(all, inRoot{path, readOnly, true})
	}
	if c.Program == "" {
		return all
	}
	all = append(all, inRoot{c.Program, readOnly, false})
	for _, path := range devices {
		all = append(all, inRoot{path, device, false})
	}
	if c.Read != "/dev/null" {
		all = append(all, inRoot{c.Read, readOnly | unix.MOUNT_ATTR_NOEXEC, false})
	}
	if c.Write != "" {
		all = append(all, inRoot{c.Write, dataOnly, false})
	}
	return all
}

// newRoot leaves this process, in a mount namespace of its own, nothing but the contents, each by its own path, in a root that nobody can
// write to.
func newRoot(contents []inRoot) error {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("mount: make private: %w", err)
	}
	// All is taken hold of before the first mount hides anything.
	var trees []tree
	for _, thing := range contents {
		t, err := thing.open()
		if errors.Is(err, fs.ErrNotExist) && thing.optional {
			continue
		}
		if err != nil {
			return fmt.Errorf("mount: %s: %w", thing.path, err)
		}
		trees = append(trees, t)
	}
	if err := unix.Mount("root", rootAt, "tmpfs", unix.MS_NOSUID|unix.MS_NODEV|unix.MS_NOEXEC, "size=1m,nr_inodes=256,mode=0755"); err != nil {
		return fmt.Errorf("mount: tmpfs: %w", err)
	}
	for _, t := range trees {
		if err := t.put(); err != nil {
			return fmt.Errorf("mount: put %s: %w", t.path, err)
		}
	}
	return pivot()
}

// pivot makes what was built the root, and lets go of the old one.
func pivot() error {
	const old = "old"
	if err := os.Mkdir(filepath.Join(rootAt, old), 0o700); err != nil {
		return err
	}
	if err := unix.PivotRoot(rootAt, filepath.Join(rootAt, old)); err != nil {
		return fmt.Errorf("mount: pivot_root: %w", err)
	}
	if err := os.Chdir("/"); err != nil {
		return err
	}
	if err := unix.Unmount("/"+old, unix.MNT_DETACH); err != nil {
		return fmt.Errorf("mount: let go of the old root: %w", err)
	}
	if err := os.Remove("/" + old); err != nil {
		return err
	}
	return unix.MountSetattr(unix.AT_FDCWD, "/", 0, &unix.MountAttr{Attr_set: readOnly | unix.MOUNT_ATTR_NOEXEC})
}

// tree is something that was taken hold of.
type tree struct {
	path   string
	link   string // what it leads to, where it is a symbolic link
	folder bool
	fd     int // of its detached mount
}

// open takes hold of a thing, with its attributes.
func (r inRoot) open() (tree, error) {
	info, err := os.Lstat(r.path)
	if err != nil {
		return tree{}, err
	}
	t := tree{path: r.path, folder: info.IsDir(), fd: -1}
	if info.Mode()&fs.ModeSymlink != 0 && r.optional {
		t.link, err = os.Readlink(r.path)
		return t, err
	}
	if t.fd, err = unix.OpenTree(unix.AT_FDCWD, r.path, unix.OPEN_TREE_CLONE|unix.OPEN_TREE_CLOEXEC|unix.AT_RECURSIVE); err != nil {
		return t, err
	}
	return t, unix.MountSetattr(t.fd, "", unix.AT_EMPTY_PATH|unix.AT_RECURSIVE, &unix.MountAttr{Attr_set: r.attributes})
}

// put puts a tree into the root that is being built.
func (t tree) put() error {
	at := filepath.Join(rootAt, t.path)
	if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil { //nolint:gosec // a root that is read by another user, and holds nothing of its own
		return err
	}
	if t.link != "" {
		return os.Symlink(t.link, at)
	}
	var err error
	if t.folder {
		err = os.Mkdir(at, 0o755) //nolint:gosec // the same
	} else {
		err = os.WriteFile(at, nil, 0o644) //nolint:gosec // the same
	}
	if err != nil {
		return err
	}
	defer unix.Close(t.fd)
	return unix.MoveMount(t.fd, "", unix.AT_FDCWD, at, unix.MOVE_MOUNT_F_EMPTY_PATH)
}
