package store

import (
	"context"

	"github.com/google/uuid"
	"volary.dev/billing"
	"volary.dev/provisioner"
	"volary.dev/provisioner/placement"
)

// LaunchRequest is what a launch form asks for.
type LaunchRequest struct {
	VersionID    uuid.UUID
	PoolID       uuid.UUID
	Name         string // unique among the organization's clusters that are not gone
	ComputeCount int
	LeaseSeconds int64
}

// Quote says what a launch would cost and where it would run. Refusal is what LaunchCluster would answer now.
type Quote struct {
	Need        billing.Hours // to be set aside: the lease times the sum of all nodes' rates
	Left        billing.Hours // available at the pool's provider now
	LeftAfter   billing.Hours // below zero where it does not suffice
	RatePerHour billing.Hours // what the whole cluster takes in an hour
	Shapes      []QuoteShape
	Hosts       []placement.HostFit
	Refusal     *provisioner.Refusal
}

// QuoteShape is the provider's shape for the nodes of one role.
type QuoteShape struct {
	Role  provisioner.Role
	Count int
	Need  provisioner.Shape
	Shape Shape
}

// Quote judges a launch without doing it.
func (db *DB) Quote(ctx context.Context, orgID uuid.UUID, r LaunchRequest) (Quote, error) {
	return Quote{}, errUnwritten
}

// LaunchCluster sets the hours aside and reserves a host, address and MAC for each node, a subnet and a VNI; the
// worker does the rest. All nodes or none. Refusals: "invalid" by field (name, compute, lease), "duplicate",
// "capacity" with the reason of every host, "balance", "shape", NotFound("version" or "pool").
func (db *DB) LaunchCluster(ctx context.Context, orgID, by uuid.UUID, r LaunchRequest) (uuid.UUID, error) {
	return uuid.Nil, errUnwritten
}
