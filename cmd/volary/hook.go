package main

import (
	"context"
	"os"
	"time"

	"volary.dev/provisioner/nethook"
)

type hookCommand struct {
	Install installHook `cmd:"" help:"Install the hook on this host."`
	Enrol   enrolHook   `cmd:"" help:"Write a host's code down on this machine, as root, so that its hook reports it."`
	Network networkHook `cmd:"" help:"The network hook: /etc/libvirt/hooks/network runs this with its arguments and the network's XML."`
}

type networkHook struct {
	Name string   `arg:"" help:"Name of the network."`
	Op   string   `arg:"" help:"What happens to it: started, updated or stopped; all else is ignored."`
	Rest []string `arg:"" optional:"" passthrough:"" help:"What else libvirt passes."`
}

// Run implements kong's command.
func (h networkHook) Run(ctx context.Context) error {
	return nethook.Run(ctx, append([]string{h.Name, h.Op}, h.Rest...), os.Stdin, time.Now())
}
