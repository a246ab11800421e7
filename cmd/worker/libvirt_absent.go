//go:build !libvirt

package main

import (
	"errors"
	"log/slog"

	"volary.dev/cmd/internal/setup"
	"volary.dev/provisioner"
)

var errNoLibvirt = errors.New("this worker was built without libvirt: build it with -tags libvirt (package libvirt-dev), or set VOLARY_DRIVERS=memory")

func dialLibvirt(setup.WorkerConfig, *slog.Logger) (provisioner.Dial, error) {
	return nil, errNoLibvirt
}

const hostLineArgument = "host-line"

func serveHostLine() error { return errNoLibvirt }
