package placement

import (
	"github.com/google/uuid"
	"volary.dev/provisioner"
)

// Host is what placement knows of a host.
type Host struct {
	ID       uuid.UUID
	Name     string
	State    provisioner.HostState
	Reason   string // why it is down, if it is
	Capacity provisioner.Shape
	Used     provisioner.Shape
}

// HostFit says whether a host took a node of the request, or would take one more, and why not.
type HostFit struct {
	ID     uuid.UUID
	Name   string
	Fits   bool
	Takes  int    // nodes of this request
	Reason string // "4 vCPUs are needed, 2 of 8 are free"; empty where Fits
}
