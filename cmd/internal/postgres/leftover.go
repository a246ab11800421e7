package postgres

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"volary.dev/cmd/internal/child"
)

const (
	// endLimit is how long a server that is told to end may take.
	endLimit = 10 * time.Second
	// orphanGrace is how long the parts of a server that was killed may take to notice by themselves.
	orphanGrace = 2 * time.Second
)

// clearData makes the data folder free after a server that was killed. Its lock names a process id that may belong to any
// process by now. What it started ends by itself when it next waits for something, which a long query does not; until then
// it holds the shared memory, and no other server starts on the same data.
func (s *Server) clearData() error {
	if err := removeStaleLock(s.data()); err != nil {
		return err
	}
	alone := func() bool { return len(orphans(s.data())) == 0 }
	if child.AwaitEnd(alone, orphanGrace) {
		return nil
	}
	for _, pid := range orphans(s.data()) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	if !child.AwaitEnd(alone, endLimit) {
		return fmt.Errorf("parts of a PostgreSQL that was killed still use %s: processes %v", s.data(), orphans(s.data()))
	}
	return nil
}

// removeStaleLock removes the lock of a server that was killed, and refuses where that server is alive.
func removeStaleLock(data string) error {
	path := filepath.Join(data, "postmaster.pid")
	b, err := os.ReadFile(path)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	first, _, _ := strings.Cut(string(b), "\n")
	pid, _ := strconv.Atoi(first)
	// One whose process was killed a moment ago ends by itself.
	if !child.AwaitEnd(func() bool { return !serves(pid, data) }, endLimit) {
		return fmt.Errorf("another PostgreSQL (process %d) uses %s", pid, data)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	return nil
}

// orphans are the processes of servers on the data, by which no lock is held any more.
func orphans(data string) (pids []int) {
	dirs, _ := filepath.Glob("/proc/[0-9]*")
	for _, dir := range dirs {
		pid, err := strconv.Atoi(filepath.Base(dir))
		if err == nil && seenIn(pid, data) && serves(pid, data) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// serves tells whether the process is one of a PostgreSQL server, of this data as far as we may see.
func serves(pid int, data string) bool {
	if pid <= 0 || child.StartTime(pid) == 0 {
		return false
	}
	name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
	if strings.TrimSpace(string(name)) != "postgres" {
		return false
	}
	_, err := os.Stat(folderOf(pid))
	return errors.Is(err, os.ErrPermission) || seenIn(pid, data)
}

// seenIn tells whether the process works in the folder, as all of a server's do, whatever name its mounts give it.
func seenIn(pid int, data string) bool {
	its, err := os.Stat(folderOf(pid))
	if err != nil {
		return false
	}
	ours, err := os.Stat(data)
	return err == nil && os.SameFile(its, ours)
}

func folderOf(pid int) string { return fmt.Sprintf("/proc/%d/cwd", pid) }
