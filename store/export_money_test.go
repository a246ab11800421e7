package store

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
)

// What follows opens the ledger's functions of a transaction to tests, each in a transaction of its own.

// Proof is a proof for tests.
type Proof = proof

func (db *DB) HoldForCluster(ctx context.Context, providerID, orgID, clusterID uuid.UUID, need billing.Hours, now time.Time) error {
	return db.tx(ctx, func(tx pgx.Tx) error { return holdForCluster(ctx, tx, providerID, orgID, clusterID, need, now) })
}

func (db *DB) ReleaseHold(ctx context.Context, clusterID uuid.UUID, now time.Time) error {
	return db.tx(ctx, func(tx pgx.Tx) error { return releaseHold(ctx, tx, clusterID, now) })
}

func (db *DB) SettleCluster(ctx context.Context, clusterID uuid.UUID, now time.Time) error {
	return db.tx(ctx, func(tx pgx.Tx) error { return settleCluster(ctx, tx, clusterID, now) })
}

func (db *DB) BeginRuns(ctx context.Context, clusterID uuid.UUID) error {
	return db.tx(ctx, func(tx pgx.Tx) error { return beginRuns(ctx, tx, clusterID) })
}

func (db *DB) EndRuns(ctx context.Context, clusterID uuid.UUID, nodes []uuid.UUID, reason string) error {
	return db.tx(ctx, func(tx pgx.Tx) error { return endRuns(ctx, tx, clusterID, nodes, reason) })
}

func (db *DB) ProveLife(ctx context.Context, hostID uuid.UUID, roundStart time.Time, proofs ...Proof) error {
	return db.tx(ctx, func(tx pgx.Tx) error { return proveLife(ctx, tx, hostID, roundStart, 5*time.Second, proofs) })
}

// CostOfUnknownLot is what comes of a use whose lot is not there.
func CostOfUnknownLot() error {
	_, err := costOfUse(nil, billing.Usage{})
	return err
}
