package machines

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/billing"
	"volary.dev/store"
)

// Books is what machines need of the books inside their own transactions: the hours set aside for a cluster's lease,
// and the runs that are paid out of them. Every method runs in the caller's transaction, which has locked pool and
// cluster before; each locks the wallet, its lots and the journal's head, in this order, where it books.
type Books interface {
	// Available is what an organization may set aside at now for a cluster on a pool, and what it has of that provider
	// that is good on other pools alone; nothing is locked.
	Available(ctx context.Context, q store.Queryer, poolID, orgID uuid.UUID, now time.Time) (here, elsewhere billing.Hours, err error)
	// PriceOn is the lowest price at which a pool's provider sells hours that are good on it at now; nil where it sells none.
	PriceOn(ctx context.Context, q store.Queryer, poolID uuid.UUID, now time.Time) (*billing.UnitPrice, error)
	// Hold sets hours aside for a cluster's lease, beside what is held for it already, or refuses with "balance" and
	// what is needed and available. The cluster's row is there already.
	Hold(ctx context.Context, tx pgx.Tx, providerID, orgID, clusterID uuid.UUID, need billing.Hours, now time.Time) error
	// Release books what the cluster's ended runs used and gives the rest of its hold back, to the second. It may be
	// called again, and never refuses for money. EndRuns comes before it.
	Release(ctx context.Context, tx pgx.Tx, clusterID uuid.UUID, now time.Time) error
	// ReleasePart gives hours back that were set aside for a part of a cluster which used none of them. Of several lots the one
	// that expires last gives first: what expires first is used first.
	ReleasePart(ctx context.Context, tx pgx.Tx, clusterID uuid.UUID, part billing.Hours, now time.Time) error
	// BeginRuns opens a run for each of some ready nodes of a cluster (nil: of all) that has none open, from its ready_at.
	BeginRuns(ctx context.Context, tx pgx.Tx, clusterID uuid.UUID, nodeIDs []uuid.UUID) error
	// EndRuns closes the open runs of a cluster, or of some of its nodes (nil: all), where they were last proven.
	// Nothing is booked by it.
	EndRuns(ctx context.Context, tx pgx.Tx, clusterID uuid.UUID, nodeIDs []uuid.UUID, reason string) error
	// ProveLife moves the ends of the open runs of a host's nodes to the round's start; round is the time between two.
	ProveLife(ctx context.Context, tx pgx.Tx, hostID uuid.UUID, roundStart time.Time, round time.Duration, proofs []billing.Proof) error
}
