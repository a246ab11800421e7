package lab

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

func fields(b []byte) []string { return strings.Fields(string(b)) }

// allChildren lists the children of every thread of a process.
func allChildren(pid int) []string {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	var all []string
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err == nil {
			all = append(all, fields(b)...)
		}
	}
	return all
}

// namespacePID is the process's number at a depth of nested process namespaces; depth 0 is ours.
func namespacePID(pid string, depth int) string {
	b, err := os.ReadFile(filepath.Join("/proc", pid, "status"))
	if err != nil {
		return ""
	}
	for line := range bytes.Lines(b) {
		if rest, ok := bytes.CutPrefix(line, []byte("NSpid:")); ok {
			if f := fields(rest); depth < len(f) {
				return f[depth]
			}
		}
	}
	return ""
}

func flock(f *os.File) error { return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) }
