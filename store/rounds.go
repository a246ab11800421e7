package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"volary.dev/provisioner"
)

// HostClaim is a host whose observation a worker has taken over.
type HostClaim struct {
	ID           uuid.UUID
	Name         string
	ProviderID   uuid.UUID
	Address      provisioner.HostAddress
	State        provisioner.HostState
	MissedRounds int
}

// ClaimHosts takes or keeps, for ttl, every checked host that no other worker observes.
func (db *DB) ClaimHosts(ctx context.Context, worker string, ttl time.Duration) ([]HostClaim, error) {
	return nil, errUnwritten
}

// RecordRound writes down one host's answer, stamped with the round's start (StartRound): proof of life for each node
// that runs with the start identity it became ready with, and the end of those that do not. A round of a worker that
// lost its claim is left out, and false returned.
func (db *DB) RecordRound(ctx context.Context, hostID uuid.UUID, worker string, roundStart time.Time, o provisioner.Observation) (bool, error) {
	return false, errUnwritten
}

// RecordMissedRound counts a round that the host did not answer. After more than two it is down, its nodes are lost
// and their runs have ended at their last proof of life.
func (db *DB) RecordMissedRound(ctx context.Context, hostID uuid.UUID, worker string, why string) error {
	return errUnwritten
}
