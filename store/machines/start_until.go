package machines

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// StartUntil is StartCluster for a lease that ends otherwise than after some seconds, or with another end for its disks; leaseSeconds
// counts where t says neither a date nor until it is stopped. Refusals: those of StartCluster, "invalid" for at_end and keep_days too.
func (db *DB) StartUntil(ctx context.Context, orgID, by, id uuid.UUID, leaseSeconds int64, t LeaseTerms) error {
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		return db.restart(ctx, tx, restart{ClusterID: id, OrganizationID: orgID, For: by, By: by, Lease: leaseSeconds, Terms: t})
	})
}
