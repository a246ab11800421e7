//go:build libvirt

package main

import (
	"log/slog"
	"os/exec"

	"volary.dev/cmd/internal/setup"
	"volary.dev/provisioner"
	"volary.dev/provisioner/hostline"
	"volary.dev/provisioner/libvirt"
)

// dialLibvirt reaches hosts under the policy of the configuration, tcp and unix only where the operator allows them: each
// by a process of its own, which is this program once more.
func dialLibvirt(cfg setup.WorkerConfig, log *slog.Logger) (provisioner.Dial, error) {
	return hostline.Dial(hostline.Options{
		Command: func() *exec.Cmd { return exec.Command("/proc/self/exe", hostLineArgument) }, //nolint:noctx // hostline ends it
		Log:     log,
		Settings: libvirt.Options{
			AllowTCP: cfg.AllowPlainHosts, AllowUnix: cfg.AllowPlainHosts,
			PKIPath: cfg.PKIPath, SSHUser: cfg.SSHUser, SSHKeyFile: cfg.SSHKeyFile, SSHKnownHosts: cfg.SSHKnownHosts,
		},
	}), nil
}

// hostLineArgument as the only argument makes the worker the process that speaks with one host. A worker starts it.
const hostLineArgument = "host-line"

func serveHostLine() error { return hostline.Serve(libvirt.Open) }
