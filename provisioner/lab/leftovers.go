package lab

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// Leftover is something of a lab that is no longer running.
type Leftover struct {
	Kind string // "process", "link" or "mount"
	Name string // process number, interface or mount point
}

func (l Leftover) String() string { return l.Kind + " " + l.Name }

// Leftovers lists what is left of labs on a folder that is not in use. By construction there should be nothing;
// this is how a test or `down` knows. It returns ErrInUse while a lab runs on the folder.
func Leftovers(ctx context.Context, dir string) ([]Leftover, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("lab: %w", err)
	}
	if _, err := os.Stat(dir); os.IsNotExist(err) {
		return nil, nil
	}
	lock, err := lockDir(dir)
	if err != nil {
		return nil, err
	}
	defer lock.Close()
	return list(ctx, dir)
}

// Sweep removes what Leftovers lists and returns what it removed.
func Sweep(ctx context.Context, dir string) ([]Leftover, error) {
	left, err := Leftovers(ctx, dir)
	if err != nil {
		return nil, err
	}
	for _, l := range left {
		switch l.Kind {
		case "process":
			pid, _ := strconv.Atoi(l.Name)
			err = syscall.Kill(pid, syscall.SIGKILL)
		case "link":
			_, err = ip(ctx, "link", "delete", l.Name)
		case "mount":
			err = syscall.Unmount(l.Name, syscall.MNT_DETACH)
		}
		if err != nil {
			return nil, fmt.Errorf("lab: remove %s: %w", l, err)
		}
	}
	return left, nil
}

func list(ctx context.Context, dir string) ([]Leftover, error) {
	var left []Leftover
	for _, pid := range labProcesses(dir) {
		left = append(left, Leftover{"process", pid})
	}
	links, err := labLinks(ctx, dir)
	if err != nil {
		return nil, err
	}
	for _, name := range links {
		left = append(left, Leftover{"link", name})
	}
	for _, point := range labMounts(dir) {
		left = append(left, Leftover{"mount", point})
	}
	return left, nil
}

// labProcesses finds switches and hosts by their own arguments, which name the folder.
func labProcesses(dir string) []string {
	files, _ := filepath.Glob("/proc/[0-9]*/cmdline")
	var pids []string
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			continue
		}
		args := strings.Split(strings.TrimRight(string(b), "\x00"), "\x00")
		if len(args) != 2 || (args[0] != switchName && args[0] != hostName) {
			continue
		}
		if args[1] == dir || strings.HasPrefix(args[1], dir+"/") {
			pids = append(pids, filepath.Base(filepath.Dir(f)))
		}
	}
	return pids
}

func labLinks(ctx context.Context, dir string) ([]string, error) {
	if _, err := lookPath("ip"); err != nil {
		return nil, nil //nolint:nilerr // without ip nothing could have made one
	}
	out, err := exec.CommandContext(ctx, "ip", "-json", "link", "show").Output()
	if err != nil {
		return nil, fmt.Errorf("lab: list interfaces: %w", err)
	}
	var links []struct {
		Name  string `json:"ifname"`
		Alias string `json:"ifalias"`
	}
	if err := json.Unmarshal(out, &links); err != nil {
		return nil, fmt.Errorf("lab: list interfaces: %w", err)
	}
	var names []string
	for _, l := range links {
		if strings.HasPrefix(l.Name, uplinkPrefix) && l.Alias == alias(dir) {
			names = append(names, l.Name)
		}
	}
	return names, nil
}

func labMounts(dir string) []string {
	b, err := os.ReadFile("/proc/self/mountinfo")
	if err != nil {
		return nil
	}
	var points []string
	for line := range strings.Lines(string(b)) {
		// 36 35 98:0 ROOT POINT …: a bind mount shows the folder it came from as ROOT.
		f := strings.Fields(line)
		if len(f) > 4 && (strings.HasPrefix(f[3], dir+"/host-") || strings.HasPrefix(f[4], dir+"/host-")) {
			points = append(points, f[4])
		}
	}
	return points
}
