package store

import (
	"context"

	"github.com/google/uuid"
	"volary.dev/provisioner"
)

// NodeHost names a node and the host that carries it, for its console.
type NodeHost struct {
	NodeID    uuid.UUID
	NodeName  string
	ClusterID uuid.UUID
	HostID    uuid.UUID
	HostName  string
	Address   provisioner.HostAddress
}

// Node finds a node of one of the organization's clusters; a gone one is NotFound("node").
func (db *DB) Node(ctx context.Context, orgID, clusterID, nodeID uuid.UUID) (NodeHost, error) {
	return NodeHost{}, errUnwritten
}

// SetNode moves a node from one of the given states to another and tells whether it did; a node that is in another
// state meanwhile stays as it is. A node that begins to start sets its cluster's gate deadline to that moment plus the
// gate's time.
func (db *DB) SetNode(ctx context.Context, nodeID uuid.UUID, from []provisioner.NodeState, to provisioner.NodeState, reason provisioner.Reason, detail string) (bool, error) {
	return false, errUnwritten
}
