package postgres

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is whom the server runs as.
type account struct {
	uid, gid int
	name     string
	change   bool // we are root and have to become it
}

// chooseAccount takes ourselves, or where we are root the owner of an existing data folder, postgres, or nobody.
func chooseAccount(data string) (account, error) {
	owner, exists := ownerOf(data)
	if me := os.Getuid(); me != 0 {
		if exists && owner != me {
			return account{}, fmt.Errorf("%s belongs to %s: run as that account or as root", data, userName(owner))
		}
		return account{uid: me, gid: os.Getgid()}, nil
	}
	names := []string{"postgres", "nobody"}
	if exists && owner != 0 {
		names = []string{userName(owner)}
	}
	for _, name := range names {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, _ := strconv.Atoi(u.Uid)
		gid, _ := strconv.Atoi(u.Gid)
		return account{uid: uid, gid: gid, name: name, change: true}, nil
	}
	return account{}, fmt.Errorf("PostgreSQL does not run as root, and this machine has no account %v", names)
}

func ownerOf(path string) (uid int, exists bool) {
	var s syscall.Stat_t
	if err := syscall.Stat(path, &s); err != nil {
		return 0, false
	}
	return int(s.Uid), true
}

func userName(uid int) string {
	u, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		return strconv.Itoa(uid)
	}
	return u.Username
}

// give hands dir itself and the files directly in it to the account.
func (a account) give(dir string) error {
	if !a.change {
		return nil
	}
	return filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if err := os.Lchown(path, a.uid, a.gid); err != nil {
			return err
		}
		if d.IsDir() && path != dir {
			return fs.SkipDir
		}
		return nil
	})
}

// seenAt is where the account finds the server's folder: the folder itself, or shownAt where it is shown there.
const shownAt = "/mnt"

// command runs a program as the account, its folder shown at shownAt where we are root; there a shell prepares what follows first, in a mount
// namespace that ends with the program. arg may begin with dir.
func (a account) command(dir, prepare, program string, args ...string) (*exec.Cmd, error) {
	if !a.change {
		cmd := exec.Command(program, args...) //nolint:noctx // child ends it
		cmd.Dir = dir
		return cmd, nil
	}
	for _, tool := range []string{"unshare", "mount", "setpriv"} {
		if _, err := exec.LookPath(tool); err != nil {
			return nil, errors.New("Debian's util-linux and mount packages are needed to start PostgreSQL from root")
		}
	}
	// setpriv keeps the death signal, which the kernel clears where the user changes.
	script := `mount --bind "$1" ` + shownAt + ` && cd ` + shownAt + ` && shift && ` + prepare + `exec setpriv "$@"`
	full := []string{
		"--mount", "--propagation", "private", "sh", "-c", script, "sh", dir,
		"--reuid", strconv.Itoa(a.uid), "--regid", strconv.Itoa(a.gid), "--clear-groups", "--pdeathsig", "keep",
		"--no-new-privs", "--", program,
	}
	cmd := exec.Command("unshare", append(full, args...)...) //nolint:noctx // child ends it
	cmd.Dir = "/"
	return cmd, nil
}

// path translates a path below dir into what the account sees.
func (a account) path(dir, p string) string {
	if !a.change {
		return p
	}
	rel, err := filepath.Rel(dir, p)
	if err != nil || !filepath.IsLocal(rel) {
		return p
	}
	return filepath.Join(shownAt, rel)
}
