package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
)

// Debian 12's packages by what they are for.
func labPackages() []string {
	return []string{
		"libvirt-daemon-system", "libvirt-clients", "libvirt-dev", "pkg-config", "qemu-system-x86", "qemu-utils", "xz-utils",
		"dnsmasq-base", "iproute2", "nftables", "busybox-static", "e2fsprogs", "ovmf", "openssh-client",
	}
}

func browserPackages() []string { return []string{"chromium", "openssh-client"} }

// guidePackages are what the page "What your image must do" tells its readers to have.
func guidePackages() []string { return []string{"genisoimage"} }

// strangerPackages are what the page "Check a ledger without us" runs on.
func strangerPackages() []string { return []string{"python3"} }

// proxyPackages are what the operator's chapter is tried with.
func proxyPackages() []string { return []string{"nginx"} }

// databasePackages are needed where nothing else offers a server.
func databasePackages() []string { return []string{"postgresql"} }

// missingPackages lists those that dpkg does not know as installed.
func missingPackages(ctx context.Context, names []string) ([]string, error) {
	if _, err := exec.LookPath("dpkg-query"); err != nil {
		return nil, errors.New("this is no Debian: dpkg-query is missing")
	}
	// dpkg-query fails where one of the names is unknown to it, and lists the others all the same.
	out, _ := exec.CommandContext(ctx, "dpkg-query", append([]string{"-W", "-f", "${db:Status-Abbrev} ${Package}\n"}, names...)...).Output()
	installed := map[string]bool{}
	for line := range strings.Lines(string(out)) {
		if f := strings.Fields(line); len(f) == 2 && f[0] == "ii" {
			installed[f[1]] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(names), func(n string) bool { return installed[n] }), nil
}

// installPackages names the packages and installs them. What Debian's packages start by themselves is stopped again,
// as nothing of ours uses the machine's own libvirt or PostgreSQL.
func installPackages(ctx context.Context, s *steps, names []string) error {
	if os.Getuid() != 0 {
		return fmt.Errorf("packages are missing and only root may install them: sudo apt-get install %s", strings.Join(names, " "))
	}
	s.note("installing " + strings.Join(names, " "))
	quiet := quietServices(ctx)
	defer quiet.restore(context.WithoutCancel(ctx), s)
	install := append([]string{"install", "--yes", "--no-install-recommends"}, names...)
	err := aptGet(ctx, install...)
	if err != nil && ctx.Err() == nil {
		// A fresh machine has no package lists yet, and an older one stale lists.
		if err := aptGet(ctx, "update"); err != nil {
			return err
		}
		err = aptGet(ctx, install...)
	}
	return err
}

// aptGet's error is apt's own sentence: "Unable to locate package …", "You don't have enough free space in …".
func aptGet(ctx context.Context, args ...string) error {
	if _, err := exec.LookPath("apt-get"); err != nil {
		return errors.New("this is no Debian: apt-get is missing")
	}
	cmd := exec.CommandContext(ctx, "apt-get", append([]string{"-qq", "-o", "DPkg::Lock::Timeout=120"}, args...)...)
	// Killed in the middle of an installation dpkg would have to be repaired by hand: it is asked, and waited for.
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "NEEDRESTART_MODE=l")
	out, err := cmd.CombinedOutput()
	if err == nil {
		return nil
	}
	var said []string
	for line := range strings.Lines(string(out)) {
		if sentence, ok := strings.CutPrefix(line, "E: "); ok {
			said = append(said, strings.TrimSpace(sentence))
		}
	}
	if said == nil {
		said = []string{string(bytes.TrimSpace(out[max(0, len(out)-500):]))}
	}
	return fmt.Errorf("apt-get %s: %s (%w)", args[0], strings.Join(said, "; "), err)
}

// services remembers what ran before an installation.
type services struct {
	masked  []string
	running []string
}

// packageServices are what our packages would start.
func packageServices() []string {
	return []string{
		"libvirtd", "virtlogd", "virtlockd", "libvirt-guests", "postgresql", "dnsmasq", "nginx",
	}
}

// quietServices keeps systemd, where it is, from starting services that are not there yet. Masking until the next boot
// does so without a file that a crash would leave in the way of the machine's administrator.
func quietServices(ctx context.Context) services {
	var s services
	for _, name := range packageServices() {
		if serviceRuns(ctx, name) {
			s.running = append(s.running, name)
		}
	}
	if !hasSystemd() {
		return s
	}
	for _, name := range packageServices() {
		for _, unit := range []string{name + ".service", name + ".socket", name + "-ro.socket", name + "-admin.socket"} {
			if out, _ := exec.CommandContext(ctx, "systemctl", "show", "-P", "LoadState", unit).Output(); strings.TrimSpace(string(out)) == "not-found" {
				s.masked = append(s.masked, unit)
			}
		}
	}
	if len(s.masked) > 0 {
		_ = exec.CommandContext(ctx, "systemctl", append([]string{"mask", "--runtime", "--quiet"}, s.masked...)...).Run()
	}
	return s
}

// restore unmasks, and stops what was started all the same.
func (s services) restore(ctx context.Context, shown *steps) {
	if len(s.masked) > 0 {
		_ = exec.CommandContext(ctx, "systemctl", append([]string{"unmask", "--runtime", "--quiet"}, s.masked...)...).Run()
	}
	for _, name := range packageServices() {
		if slices.Contains(s.running, name) || !serviceRuns(ctx, name) {
			continue
		}
		if err := exec.CommandContext(ctx, "service", name, "stop").Run(); err != nil {
			shown.note(fmt.Sprintf("its package started the service %s, which does not stop: %v", name, err))
		}
	}
}

func hasSystemd() bool {
	_, err := os.Stat("/run/systemd/system")
	return err == nil
}

func serviceRuns(ctx context.Context, name string) bool {
	if hasSystemd() {
		return exec.CommandContext(ctx, "systemctl", "is-active", "--quiet", name).Run() == nil
	}
	if _, err := os.Stat("/etc/init.d/" + name); err != nil {
		return false
	}
	return exec.CommandContext(ctx, "service", name, "status").Run() == nil
}
