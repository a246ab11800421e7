package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"volary.dev/cmd/internal/child"
)

// checkout is the folder we work on. All that is ours and not committed is below its .volary.
type checkout struct {
	root  string // empty in a container that has the programs only
	state string // .volary
}

// findCheckout walks up from the current folder to our go.mod.
func findCheckout() (checkout, error) {
	dir, err := os.Getwd()
	if err != nil {
		return checkout{}, err
	}
	for {
		b, err := os.ReadFile(filepath.Join(dir, "go.mod"))
		if err == nil && strings.HasPrefix(string(b), "module "+module+"\n") {
			return checkout{root: dir, state: filepath.Join(dir, ".volary")}, nil
		}
		if dir == filepath.Dir(dir) {
			return checkout{}, errors.New("not inside a checkout of Volary: no go.mod of module " + module + " here or above")
		}
		dir = filepath.Dir(dir)
	}
}

// openState finds the checkout and makes its .volary, or the folder that is named instead. A container that has the
// programs only has a state and no checkout.
func openState(state string) (checkout, error) {
	c, err := findCheckout()
	if state != "" {
		c.state, err = filepath.Abs(state) // it stands in lines that are pasted elsewhere
	}
	if err != nil {
		return checkout{}, err
	}
	return c, c.makeState()
}

// path is a path below .volary.
func (c checkout) path(elem ...string) string {
	return filepath.Join(append([]string{c.state}, elem...)...)
}

// makeState makes .volary, with the one sentence for what most often stands in the way.
func (c checkout) makeState() error {
	err := os.MkdirAll(c.path(), 0o755)
	if errors.Is(err, os.ErrPermission) {
		return fmt.Errorf("no permission to write in %s: run as its owner", filepath.Dir(c.state))
	}
	return err
}

// lock holds the checkout for one up or test at a time. The file stays; the kernel frees the lock however we end.
func (c checkout) lock(name string) (free func(), err error) {
	f, err := os.OpenFile(c.path(name), os.O_RDWR|os.O_CREATE, 0o644)
	if errors.Is(err, os.ErrPermission) {
		return nil, fmt.Errorf("no permission to write %s: it belongs to another account, run as that one or as root", c.path(name))
	} else if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		_ = f.Close()
		return nil, errLocked
	}
	return func() { _ = f.Close() }, nil
}

// awaitLock waits for a run that is about to end.
func (c checkout) awaitLock(name string, limit time.Duration) (free func(), err error) {
	child.AwaitEnd(func() bool {
		free, err = c.lock(name)
		return !errors.Is(err, errLocked)
	}, limit)
	return free, err
}

var errLocked = errors.New("held by another run")
