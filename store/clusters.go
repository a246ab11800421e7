package store

import (
	"context"
	"net/netip"
	"time"

	"github.com/google/uuid"
	"volary.dev/billing"
	"volary.dev/provisioner"
)

// ClusterRow is a cluster in a list.
type ClusterRow struct {
	ID               uuid.UUID
	Name             string
	State            provisioner.ClusterState // derived from the nodes
	Desired          provisioner.Desired
	Reason           provisioner.Reason
	ReasonDetail     string
	OrganizationID   uuid.UUID
	OrganizationName string
	ProviderName     string
	PoolName         string
	ModelName        string
	Version          string
	Nodes            int
	ReadyNodes       int
	RatePerHour      billing.Hours // of all nodes
	CreatedAt        time.Time
	ReadyAt          *time.Time
	LeaseEndsAt      *time.Time // nil until ready
	EndedAt          *time.Time
}

// ClusterFilter narrows a list of clusters.
type ClusterFilter struct {
	Gone bool // those that are gone, instead of those that are not
	Page
}

// ClusterDetail is one cluster with all that its page shows.
type ClusterDetail struct {
	ClusterRow
	ProviderID   uuid.UUID
	PoolID       uuid.UUID
	VersionID    uuid.UUID
	PersonName   string // who launched it
	LeaseSeconds int64
	GateDeadline *time.Time
	Gate         provisioner.Gate
	Held         billing.Hours // set aside for it and not yet used
	Used         billing.Hours // by all its starts, to the last proof of life
	SSHHost      netip.Addr    // underlay address of the head's host; invalid until ready
	SSHPort      int           // 0 until ready
	NodeRows     []NodeRow     // head first
}

// NodeRow is a node as its organization sees it.
type NodeRow struct {
	ID           uuid.UUID
	Name         string
	Role         provisioner.Role
	State        provisioner.NodeState
	Reason       provisioner.Reason
	ReasonDetail string
	HostID       uuid.UUID
	HostName     string
	Acceleration provisioner.Acceleration
	Address      netip.Addr
	MAC          string
	ShapeName    string
	Shape        provisioner.Shape
	Rate         billing.Rate
	StateAt      time.Time
	StartedAt    *time.Time
	ReadyAt      *time.Time
	SeenAt       *time.Time
}

// Clusters lists an organization's clusters, the newest first, in one query.
func (db *DB) Clusters(ctx context.Context, orgID uuid.UUID, f ClusterFilter) ([]ClusterRow, error) {
	return nil, errUnwritten
}

// Cluster shows one cluster.
func (db *DB) Cluster(ctx context.Context, orgID, id uuid.UUID) (ClusterDetail, error) {
	return ClusterDetail{}, errUnwritten
}

// ProviderClusters lists the clusters on a provider's pools, the newest first.
func (db *DB) ProviderClusters(ctx context.Context, providerID uuid.UUID, f ClusterFilter) ([]ClusterRow, error) {
	return nil, errUnwritten
}
