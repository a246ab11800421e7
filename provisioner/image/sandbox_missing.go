package image

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"
)

// CheckSandbox starts a child that confines itself as for an image and does nothing. Where that fails it gives ErrNoSandbox with what lacks and
// what an operator has to grant. Another error is a machine that has no process, memory or descriptor left for a child at this moment.
func CheckSandbox() error {
	o, err := confined{CPUSeconds: 60}.run(context.Background())
	switch {
	case err == nil && o.status == 0 && o.limit == "":
		return nil
	case exhausted(err):
		return err
	case err == nil:
		err = fmt.Errorf("status %d %s %s", o.status, o.limit, o.words)
	}
	version, landlock := landlockVersion()
	return fmt.Errorf("%w: %s", ErrNoSandbox, sandboxNeeds(os.DirFS("/"), os.Geteuid() == 0, version, landlock, err))
}

// A sandbox that was there is believed to be there for sandboxFor: to see it costs two starts of this program, and where it has gone meanwhile
// the next child says so by itself, as an error of the machine after which the file is tried again.
const sandboxFor = time.Minute

var sandboxSeen atomic.Pointer[time.Time] // nil: never

// sandboxed is CheckSandbox, or what it said less than sandboxFor ago where that was nothing.
func sandboxed() error {
	now := time.Now()
	if seen := sandboxSeen.Load(); seen != nil && now.Sub(*seen) < sandboxFor {
		return nil
	}
	if err := CheckSandbox(); err != nil {
		return err
	}
	sandboxSeen.Store(&now)
	return nil
}

// exhausted tells whether a child could not be started for want of what comes back by itself.
func exhausted(err error) bool {
	for _, want := range []error{unix.EAGAIN, unix.ENOMEM, unix.EMFILE, unix.ENFILE} {
		if errors.Is(err, want) {
			return true
		}
	}
	return false
}

// need is a setting of the kernel that forbids what the child takes.
type need struct {
	file, forbids string
	alsoRoot      bool
	grant         string
}

func needs() []need {
	all := []need{
		{"proc/sys/kernel/unprivileged_userns_clone", "0", false, "set kernel.unprivileged_userns_clone to 1 (sysctl; it is 0)"},
		{
			"proc/sys/kernel/apparmor_restrict_unprivileged_userns", "1", false,
			"set kernel.apparmor_restrict_unprivileged_userns to 0 (sysctl; it is 1), or load an AppArmor profile for the worker with the rule `userns,`",
		},
	}
	for _, kind := range []string{"user", "mnt", "net", "pid", "ipc", "uts", "cgroup"} {
		setting := "max_" + kind + "_namespaces"
		all = append(all, need{"proc/sys/user/" + setting, "0", true, "set user." + setting + " to 1000 or more (sysctl; it is 0)"})
	}
	return all
}

// sandboxNeeds looks for what made a child fail: what forbids it on this machine, whose files root has, with what to grant.
func sandboxNeeds(root fs.FS, asRoot bool, version int, landlock, failed error) string {
	read := func(file string) string {
		text, err := fs.ReadFile(root, file)
		if err != nil {
			return ""
		}
		return strings.TrimSpace(string(text))
	}
	var grants []string
	profile := strings.Contains(read("proc/self/status"), "Seccomp:\t2")
	switch {
	case landlock != nil && !profile:
		grants = append(grants, "start a kernel with Landlock (CONFIG_SECURITY_LANDLOCK, and `lsm=` must name it)")
	case landlock == nil && version < landlockFloor:
		grants = append(grants, fmt.Sprintf("start a newer kernel: its Landlock has version %d, and %d is needed (Linux 5.19)", version, landlockFloor))
	}
	for _, n := range needs() {
		if (n.alsoRoot || !asRoot) && read(n.file) == n.forbids {
			grants = append(grants, n.grant)
		}
	}
	if asRoot && !hasRootRights() {
		grants = append(grants, "run the worker as a user that is not root, or leave it the capabilities SETUID, SETGID and SETFCAP")
	}
	if profile {
		grants = append(grants, "run this container with a seccomp profile that allows namespaces and mounts (security_opt: seccomp=worker-seccomp.json)")
	}
	if label := read("proc/self/attr/current"); strings.HasSuffix(label, "(enforce)") {
		grants = append(grants, "run the worker outside of the AppArmor profile "+strings.TrimSuffix(label, " (enforce)")+" (security_opt: apparmor=unconfined)")
	}
	if len(grants) == 0 {
		grants = []string{"see what this system forbids the worker: user namespaces and mounts in them have to be allowed"}
	}
	return fmt.Sprintf("%s. To grant it: %s. .readme/operate.md has it under “What images are opened in”", strings.TrimSuffix(failed.Error(), "."), strings.Join(grants, "; "))
}
