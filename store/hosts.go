package store

import (
	"context"
	"net/netip"
	"time"

	"github.com/google/uuid"
	"volary.dev/provisioner"
)

// NewHost is what AddHost needs.
type NewHost struct {
	Name     string
	Address  provisioner.HostAddress
	Underlay netip.Addr
}

// Host is one libvirt connection of a pool, with what its nodes take of it.
type Host struct {
	ID           uuid.UUID
	ProviderID   uuid.UUID
	PoolID       uuid.UUID
	PoolName     string
	Name         string
	Address      provisioner.HostAddress
	Underlay     netip.Addr
	State        provisioner.HostState
	StateReason  string
	Acceleration provisioner.Acceleration // empty until its check found one
	Capacity     provisioner.Shape        // what may be given to nodes
	Used         provisioner.Shape        // what its nodes take; stopped ones take disk only
	Nodes        int                      // all but gone ones
	CheckState   string                   // none, running, passed, failed
	CheckReport  []provisioner.HostCheck
	CheckedAt    *time.Time
	RoundAt      *time.Time // last observation round it answered
	MissedRounds int
}

// HostNode is a node as its provider's staff see it.
type HostNode struct {
	ID               uuid.UUID
	Name             string
	ClusterID        uuid.UUID
	ClusterName      string
	OrganizationName string
	State            provisioner.NodeState
	Reason           provisioner.Reason
	Shape            provisioner.Shape
	SeenAt           *time.Time
}

// AddHost adds a host and queues its check; until that has passed the host is down. Refusals: "invalid" by field
// (name, address, underlay), "duplicate", NotFound("pool").
func (db *DB) AddHost(ctx context.Context, by, providerID, poolID uuid.UUID, h NewHost) (uuid.UUID, error) {
	return uuid.Nil, errUnwritten
}

// CheckHost queues another check of a host.
func (db *DB) CheckHost(ctx context.Context, by, providerID, hostID uuid.UUID) error {
	return errUnwritten
}

// HostCheckProgress shows a check as far as it has come.
func (db *DB) HostCheckProgress(ctx context.Context, hostID uuid.UUID, report []provisioner.HostCheck) error {
	return errUnwritten
}

// HostCheckDone writes down the outcome of a check: a host that passed becomes active (unless staff cordoned or drain
// it), one that did not is down. The same machine as another host fails the check, with the refusal "duplicate".
func (db *DB) HostCheckDone(ctx context.Context, hostID uuid.UUID, facts provisioner.HostFacts, a provisioner.Acceleration, report []provisioner.HostCheck, passed bool) error {
	return errUnwritten
}

// Hosts lists a provider's hosts by pool and name.
func (db *DB) Hosts(ctx context.Context, providerID uuid.UUID) ([]Host, error) {
	return nil, errUnwritten
}

// Host shows one host.
func (db *DB) Host(ctx context.Context, providerID, id uuid.UUID) (Host, error) {
	return Host{}, errUnwritten
}

// HostNodes lists the nodes that a host carries.
func (db *DB) HostNodes(ctx context.Context, providerID, id uuid.UUID) ([]HostNode, error) {
	return nil, errUnwritten
}

// HostForWorker is Host without a scope.
func (db *DB) HostForWorker(ctx context.Context, id uuid.UUID) (Host, error) {
	return Host{}, errUnwritten
}

// HostsOfPool lists a pool's hosts for the worker, which checks a packet between them.
func (db *DB) HostsOfPool(ctx context.Context, poolID uuid.UUID) ([]Host, error) {
	return nil, errUnwritten
}
