package machines

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner/refusal"
	"volary.dev/store"
	"volary.dev/store/people"
)

// ExtendLeaseUntil is ExtendLease up to a date, and gives by how many seconds the lease is longer. One that has not begun has no end
// yet, unless it was launched until a date: it is extended by hours. Refusals: those of ExtendLease, with "cap" and add beside it.
func (db *DB) ExtendLeaseUntil(ctx context.Context, orgID, by, id uuid.UUID, until time.Time) (add int64, err error) {
	err = db.core.Tx(ctx, func(tx pgx.Tx) error {
		if err := people.RefuseSuspended(ctx, tx, orgID); err != nil { // as every extension: before its cluster is locked
			return err
		}
		c, err := lockOwnCluster(ctx, tx, orgID, id)
		if err != nil {
			return err
		}
		if add, err = c.secondsTo(ctx, tx, until); err != nil {
			return err
		}
		return db.extendLease(ctx, tx, extension{ClusterID: id, OrganizationID: orgID, For: by, By: by, Add: add})
	})
	return add, err
}

// secondsTo is how far the lease's end is from a date, which it refuses where no extension leads there.
func (c lockedCluster) secondsTo(ctx context.Context, tx pgx.Tx, until time.Time) (int64, error) {
	var ends *time.Time
	var now time.Time
	var most int
	var zone string
	err := tx.QueryRow(ctx, `
		SELECT coalesce(c.lease_ends_at, c.lease_until), clock_timestamp(), p.max_lease_hours, pr.accounting_zone
		FROM clusters c JOIN pools p ON p.id = c.pool_id JOIN providers pr ON pr.id = p.provider_id WHERE c.id = $1`, c.ID).Scan(&ends, &now, &most, &zone)
	if err != nil {
		return 0, fmt.Errorf("read lease of cluster %s: %w", c.ID, err)
	}
	if ends == nil {
		return 0, &refusal.Error{
			Code: "state", Title: "The lease of this cluster has not begun, so that no end of it is known.",
			Next: "Extend it by hours, or wait until every node is ready.",
		}
	}
	f := store.Fields{}
	f.Check(!until.After(now) || until.After(*ends), "lease", "The lease ends at %s as it is: choose a later end.", zoned(*ends, zone))
	add := secondsUntil(until, *ends)
	checkUntil(f, until, add, int64(most)*3600-c.LeaseSeconds, zone, now)
	return add, f.Refusal()
}
