//go:build !libvirt

package main

import (
	"errors"

	"volary.dev/cmd/internal/setup"
	"volary.dev/provisioner"
)

func dialLibvirt(setup.WorkerConfig) (provisioner.Dial, error) {
	return nil, errors.New("this worker was built without libvirt: build it with -tags libvirt (package libvirt-dev), or set VOLARY_DRIVERS=memory")
}
