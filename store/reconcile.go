package store

import (
	"context"
	"net"
	"net/netip"
	"time"

	"github.com/google/uuid"
	"volary.dev/provisioner"
)

// ClusterWork is all that reconciling one cluster needs.
type ClusterWork struct {
	ID                   uuid.UUID
	OrganizationID       uuid.UUID
	ProviderID           uuid.UUID
	Name                 string
	Test                 bool   // sealed: no way out
	TestNonce            string // of the acceptance test that it is; empty otherwise
	Desired              provisioner.Desired
	Reason               provisioner.Reason
	ReasonDetail         string
	Generation           int64
	ReconciledGeneration int64
	Attempts             int
	VNI                  uint32 // 0 once gone
	Subnet               netip.Prefix
	NetworkGeneration    int64 // give this to EnsureNetwork
	SeedSecret           string
	SSHKeys              []string
	Gate                 provisioner.Gate
	GateDeadline         *time.Time // set when nodes begin to start
	ReadyAt              *time.Time // of the present start; published ports open from then on
	LeaseEndsAt          *time.Time
	StartCount           int
	Pool                 PoolWork
	Nodes                []NodeWork // head first, then by name
	Now                  time.Time  // database time of this reading
}

// PoolWork is what a pool says about its clusters' machines and networks.
type PoolWork struct {
	ID          uuid.UUID
	Prefix      netip.Prefix
	Underlay    netip.Prefix
	Management  []netip.Prefix
	MachineType string
	CPU         string
	MTU         int
	Masquerade  bool
	WipeDisks   bool
}

// NodeWork is one node of a ClusterWork.
type NodeWork struct {
	ID          uuid.UUID
	Name        string
	Role        provisioner.Role
	State       provisioner.NodeState
	Reason      provisioner.Reason
	MAC         net.HardwareAddr
	Address     netip.Addr
	SSHPort     uint16 // 0: none published
	Shape       provisioner.Shape
	ImageDigest string
	ImageSize   int64 // of the canonical file
	UserData    string
	StartID     string
	StateAt     time.Time
	StartedAt   *time.Time
	Host        HostWork
}

// HostWork is the host of a NodeWork.
type HostWork struct {
	ID           uuid.UUID
	Name         string
	Address      provisioner.HostAddress
	Underlay     netip.Addr
	State        provisioner.HostState
	Acceleration provisioner.Acceleration
	MissedRounds int
}

// Evidence is what a node's readiness was known by.
type Evidence struct {
	StartID string    `json:"start_id"` // the machine's start identity when the gate was met
	Kind    string    `json:"kind"`     // the gate's kind
	Detail  string    `json:"detail"`   // the address, or the line of the console
	At      time.Time `json:"at"`
}

// ClaimClusters takes up to n clusters whose wanted state is not reached and that nobody works on, for ttl.
func (db *DB) ClaimClusters(ctx context.Context, worker string, n int, ttl time.Duration) ([]uuid.UUID, error) {
	return nil, errUnwritten
}

// KeepClaim prolongs a claim; false means that another worker has taken the cluster over.
func (db *DB) KeepClaim(ctx context.Context, id uuid.UUID, worker string, ttl time.Duration) (bool, error) {
	return false, errUnwritten
}

// ReleaseClaim gives a cluster back. reconciled is the generation that was reached (0: none, which counts as a failed
// attempt); retryAfter holds the cluster back for a while.
func (db *DB) ReleaseClaim(ctx context.Context, id uuid.UUID, worker string, reconciled int64, retryAfter time.Duration) error {
	return errUnwritten
}

// ClusterForReconcile reads one cluster for its reconciliation.
func (db *DB) ClusterForReconcile(ctx context.Context, id uuid.UUID) (ClusterWork, error) {
	return ClusterWork{}, errUnwritten
}

// MarkClusterReady makes every node ready and begins its runs at one moment, in one transaction, and opens the
// published port (network generation + 1, generation + 1). evidence is by node and must name every one. It returns
// false where generation is not the present one or running is no longer wanted.
func (db *DB) MarkClusterReady(ctx context.Context, id uuid.UUID, generation int64, evidence map[uuid.UUID]Evidence) (bool, error) {
	return false, errUnwritten
}

// FailCluster ends a start that did not succeed: the cluster is to be deleted, nothing is charged, the hold is released.
func (db *DB) FailCluster(ctx context.Context, id uuid.UUID, generation int64, reason provisioner.Reason, detail string) error {
	return errUnwritten
}

// MarkNodesStopped writes down that every machine of the cluster is off: runs end, use is settled, the rest of the hold
// is released. It returns false where generation is not the present one.
func (db *DB) MarkNodesStopped(ctx context.Context, id uuid.UUID, generation int64) (bool, error) {
	return false, errUnwritten
}

// MarkClusterGone writes down that nothing of the cluster is left on any host: nodes gone, VNI and subnet free, final
// settlement, hold released.
func (db *DB) MarkClusterGone(ctx context.Context, id uuid.UUID) error { return errUnwritten }

// LiveNodes lists the ids of all nodes of a host that are not gone and the VNIs of their clusters, for a sweep of what
// nobody owns.
func (db *DB) LiveNodes(ctx context.Context, hostID uuid.UUID) (nodes []uuid.UUID, vnis []uint32, err error) {
	return nil, nil, errUnwritten
}
