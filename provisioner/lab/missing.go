package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
)

// MissingError says what this machine lacks for a lab.
type MissingError struct {
	Root       bool     // not running as root
	Packages   []string // Debian packages
	Namespaces error    // what the kernel said
}

func (e *MissingError) Error() string {
	var why []string
	if e.Root {
		why = append(why, "it needs root: run it with sudo")
	}
	if len(e.Packages) > 0 {
		why = append(why, "packages are missing: apt-get install "+strings.Join(e.Packages, " "))
	}
	if e.Namespaces != nil {
		why = append(why, fmt.Sprintf("the kernel refuses new namespaces (%v): a container needs --privileged", e.Namespaces))
	}
	return "lab hosts cannot run here: " + strings.Join(why, "; ")
}

func (e *MissingError) Unwrap() error { return e.Namespaces }

// programs are what a lab runs, and where Debian keeps them.
var programs = []struct{ name, pack string }{
	{"libvirtd", "libvirt-daemon-system"},
	{"virtlogd", "libvirt-daemon-system"},
	{"qemu-system-x86_64", "qemu-system-x86"},
	{"qemu-img", "qemu-utils"},
	{"dnsmasq", "dnsmasq-base"},
	{"ip", "iproute2"},
	{"bridge", "iproute2"},
	{"nft", "nftables"},
	{"ssh", "openssh-client"},
	{"nsenter", "util-linux"},
}

// Check returns a *MissingError with everything this machine lacks for a lab, or nil.
func Check() error {
	missing := MissingError{Root: os.Geteuid() != 0}
	for _, p := range programs {
		if _, err := lookPath(p.name); err != nil && !slices.Contains(missing.Packages, p.pack) {
			missing.Packages = append(missing.Packages, p.pack)
		}
	}
	if !missing.Root {
		missing.Namespaces = tryNamespaces()
	}
	if missing.Root || len(missing.Packages) > 0 || missing.Namespaces != nil {
		return &missing
	}
	return nil
}

func tryNamespaces() error {
	path, err := exec.LookPath("true")
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(context.Background(), path)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWNET}
	return cmd.Run()
}

// missingNamespaces turns the refusal to start the switch into a MissingError where that is what it is.
func missingNamespaces(err error) error {
	if errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.ENOSPC) {
		return &MissingError{Namespaces: err}
	}
	return fmt.Errorf("lab: start: %w", err)
}
