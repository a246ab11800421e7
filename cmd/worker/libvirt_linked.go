//go:build libvirt

package main

import (
	"volary.dev/cmd/internal/setup"
	"volary.dev/provisioner"
	"volary.dev/provisioner/libvirt"
)

// dialLibvirt reaches hosts under the policy of the configuration: tcp and unix only where the operator allows them.
func dialLibvirt(cfg setup.WorkerConfig) (provisioner.Dial, error) {
	return libvirt.Dial(libvirt.Options{
		AllowTCP: cfg.AllowPlainHosts, AllowUnix: cfg.AllowPlainHosts,
		PKIPath: cfg.PKIPath, SSHUser: cfg.SSHUser, SSHKeyFile: cfg.SSHKeyFile, SSHKnownHosts: cfg.SSHKnownHosts,
	}), nil
}
