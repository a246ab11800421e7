package postgres

import (
	"os"
	"path/filepath"
	"testing"
)

func TestStaleLockIsRemoved(t *testing.T) {
	data := t.TempDir()
	lock := filepath.Join(data, "postmaster.pid")
	// Process 1 runs, and is no PostgreSQL.
	if err := os.WriteFile(lock, []byte("1\n/elsewhere\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := removeStaleLock(data); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(lock); !os.IsNotExist(err) {
		t.Errorf("the lock is still there: %v", err)
	}
}

// TestAnotherServersProcessIsNotOurs: a process id that was ours may be another PostgreSQL's by now.
func TestAnotherServersProcessIsNotOurs(t *testing.T) {
	s, err := Start(t.Context(), Options{Dir: filepath.Join(t.TempDir(), "postgres"), Throwaway: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Stop()
	pid := s.process.PID()
	if !serves(pid, s.data()) || len(orphans(s.data())) < 3 {
		t.Errorf("process %d and its parts, %v, are not seen", pid, orphans(s.data()))
	}
	if serves(pid, t.TempDir()) || len(orphans(t.TempDir())) > 0 {
		t.Errorf("process %d is taken for a server on other data", pid)
	}
}
