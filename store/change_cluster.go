package store

import (
	"context"
	"time"

	"github.com/google/uuid"
)

// StopCluster asks for every node to be powered off; disks, names and addresses stay. It never fails for money.
// Refusals: "state" (already stopped or gone), NotFound.
func (db *DB) StopCluster(ctx context.Context, orgID, by, id uuid.UUID) error { return errUnwritten }

// StartCluster starts a stopped cluster again with a new hold for a new lease. Refusals: "state", "capacity",
// "balance", "invalid" for lease, NotFound.
func (db *DB) StartCluster(ctx context.Context, orgID, by, id uuid.UUID, leaseSeconds int64) error {
	return errUnwritten
}

// DeleteCluster asks for everything of the cluster to be removed. It works from every state and never fails for
// money; deleting twice is no error.
func (db *DB) DeleteCluster(ctx context.Context, orgID, by, id uuid.UUID) error { return errUnwritten }

// EndLeases stops clusters whose lease is over and deletes those that stay stopped for longer than grace after
// it. It returns how many it changed.
func (db *DB) EndLeases(ctx context.Context, grace time.Duration) (int, error) {
	return 0, errUnwritten
}
