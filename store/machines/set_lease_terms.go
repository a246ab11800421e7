package machines

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/store"
	"volary.dev/store/people"
)

// SetLeaseTerms changes, while a cluster starts or runs, whether its lease extends itself until it is stopped, and what becomes of
// it at its end; t.Until is not looked at: the present end moves by extensions alone. A lease that no longer extends itself ends
// when what is set aside for it does. Refusals: "state" (not running, lease over, a test), "invalid" for at_end and keep_days,
// "cap" (of a member whose cap does not count the cluster, or has no hour of it left), "suspended", "paused", NotFound.
func (db *DB) SetLeaseTerms(ctx context.Context, orgID, by, id uuid.UUID, t LeaseTerms) error {
	t = t.or(LeaseTerms{})
	return db.core.Tx(ctx, func(tx pgx.Tx) error {
		if err := people.RefuseSuspended(ctx, tx, orgID); err != nil {
			return err
		}
		c, err := lockOwnCluster(ctx, tx, orgID, id)
		if err != nil {
			return err
		}
		if err := c.refusePaused(ctx, tx); err != nil {
			return err
		}
		if err := c.refuseOver(ctx, tx); err != nil {
			return err
		}
		if err := c.checkKept(ctx, tx, t); err != nil {
			return err
		}
		if t.UntilStopped && !c.UntilStopped {
			need, err := c.hourNeed(ctx, tx)
			if err != nil {
				return err
			}
			if err := c.extensionCap(ctx, tx, by, need); err != nil {
				return err
			}
		}
		_, err = tx.Exec(ctx, `
			UPDATE clusters SET until_stopped = $2, lease_until = CASE WHEN NOT $2 THEN lease_until END, at_end = $3, keep_days = $4, lease_stays = '', lease_tried_at = NULL
			WHERE id = $1`, id, t.UntilStopped, t.AtEnd, t.KeepDays)
		if err != nil {
			return fmt.Errorf("set terms of the lease of cluster %s: %w", id, err)
		}
		return store.WriteAudit(ctx, tx, store.AuditRow{
			By: by, Organization: orgID, Provider: c.ProviderID, Verb: "change lease", Subject: "cluster", SubjectID: id,
			Detail: map[string]any{"until_stopped": t.UntilStopped, "at_end": t.AtEnd, "keep_days": t.KeepDays},
		})
	})
}

// refuseOver refuses to change a lease that is over, or that none is.
func (c lockedCluster) refuseOver(ctx context.Context, tx pgx.Tx) error {
	if c.Desired != provisioner.DesiredRunning || c.Kind == "test" {
		return wrongState("changed", c.State(), "Only the lease of a cluster that starts or runs is changed. A stopped one is started with a new lease.")
	}
	var over *time.Time
	err := tx.QueryRow(ctx, `SELECT CASE WHEN lease_ends_at <= clock_timestamp() THEN lease_ends_at END FROM clusters WHERE id = $1`, c.ID).Scan(&over)
	if err != nil {
		return fmt.Errorf("read lease of cluster %s: %w", c.ID, err)
	}
	if over != nil {
		return leaseOver(*over)
	}
	return nil
}

// checkKept refuses days, and disks, that its provider does not keep.
func (c lockedCluster) checkKept(ctx context.Context, tx pgx.Tx, t LeaseTerms) error {
	if err := lockKept(ctx, tx, c.OrganizationID); err != nil {
		return err
	}
	kept, err := readKept(ctx, tx, c.ProviderID, c.OrganizationID, c.ID)
	if err != nil {
		return err
	}
	f := store.Fields{}
	t.checkEnd(f, max(kept.Days, c.KeepDays)) // what it has it may keep
	if err := f.Refusal(); err != nil || t.AtEnd != AtEndKeep || c.AtEnd == AtEndKeep {
		return err
	}
	var gib int
	if err := tx.QueryRow(ctx, `SELECT coalesce(sum(disk_gib), 0)::int FROM nodes WHERE cluster_id = $1 AND desired <> 'gone'`, c.ID).Scan(&gib); err != nil {
		return fmt.Errorf("read disks of cluster %s: %w", c.ID, err)
	}
	if r := kept.refuses(gib); r != nil {
		return r
	}
	return nil
}
