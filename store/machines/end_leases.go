package machines

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/store"
	"volary.dev/store/models"
)

// EndLeases stops clusters whose lease is over (those of acceptance tests it deletes) and deletes those that were
// stopped by their lease's end more than grace ago, or by their provider until the time it named. What a provider paused for PausedFor it ends as EndCluster does. It also gives back what is held for clusters that are ending while
// a host that carries them is silent. It returns how many it changed. Each cluster is judged afresh under its lock, so
// that it may run late, twice and in several workers at once. A test that nobody has finished two minutes after its limit has failed.
func (db *DB) EndLeases(ctx context.Context, grace time.Duration) (int, error) {
	if err := db.endForgottenTests(ctx); err != nil {
		return 0, err
	}
	rows, _ := db.pool.Query(ctx, `
		SELECT id FROM clusters WHERE ended_at IS NULL AND lease_ends_at <= now()
			AND (desired = 'running' OR (desired = 'stopped' AND reason = 'lease_ended' AND lease_ends_at + $1::interval <= now()))
		UNION
		SELECT id FROM clusters WHERE ended_at IS NULL AND desired = 'stopped' AND disks_until <= now()
		UNION
		SELECT id FROM clusters WHERE ended_at IS NULL AND desired = 'paused' AND paused_until <= now()
		UNION
		SELECT c.id FROM clusters c WHERE c.ended_at IS NULL AND c.desired IN ('stopped', 'gone')
			AND EXISTS (SELECT FROM holds h WHERE h.cluster_id = c.id AND h.held > 0)
			AND EXISTS (SELECT FROM nodes n WHERE n.cluster_id = c.id AND n.state = 'lost')
		UNION
		SELECT c.id FROM clusters c WHERE c.ended_at IS NULL AND c.kind = 'test' AND c.desired <> 'gone'
			AND EXISTS (SELECT FROM acceptance_tests t WHERE t.cluster_id = c.id AND t.state <> 'running')
		ORDER BY id`, grace)
	ids, err := store.All(rows, "ended leases", pgx.RowTo[uuid.UUID])
	if err != nil {
		return 0, err
	}
	count := 0
	for _, id := range ids {
		changed := false
		err := db.core.Tx(ctx, func(tx pgx.Tx) (err error) {
			changed, err = db.endLease(ctx, tx, id, grace)
			return err
		})
		if err != nil {
			return count, fmt.Errorf("end lease of cluster %s: %w", id, err)
		}
		if changed {
			count++
		}
	}
	return count, nil
}

// LeaseGrace is for how long the disks of a cluster are kept whose lease is over.
const LeaseGrace = 24 * time.Hour

func (db *DB) endForgottenTests(ctx context.Context) error {
	err := db.core.Tx(ctx, func(tx pgx.Tx) error {
		rows, _ := tx.Query(ctx, `
			UPDATE acceptance_tests SET state = 'failed', ended_at = now()
			WHERE state = 'running' AND begun_at < now() - interval '2 minutes'
				- (SELECT make_interval(secs => c.lease_seconds) FROM clusters c WHERE c.id = cluster_id) RETURNING id`)
		ids, err := store.All(rows, "forgotten tests", pgx.RowTo[uuid.UUID])
		if err != nil {
			return err
		}
		return models.TellTestsEnded(ctx, db.core, tx, ids)
	})
	if err != nil {
		return fmt.Errorf("end forgotten tests: %w", err)
	}
	return nil
}

func (db *DB) endLease(ctx context.Context, tx pgx.Tx, id uuid.UUID, grace time.Duration) (bool, error) {
	c, err := lockCluster(ctx, tx, id)
	if err != nil {
		return false, err
	}
	if c.Desired == provisioner.DesiredPaused { // its lease stands with it
		if c.PausedUntil.After(c.Now) {
			return false, nil
		}
		return true, db.endByStaff(ctx, tx, c, uuid.Nil, c.PausedWhy)
	}
	var over, overdue, kept bool
	err = tx.QueryRow(ctx, `
		SELECT coalesce(lease_ends_at <= now(), false), coalesce(lease_ends_at + $2::interval <= now(), false),
			coalesce(disks_until > now(), true)
		FROM clusters WHERE id = $1`, id, grace).Scan(&over, &overdue, &kept)
	if err != nil {
		return false, fmt.Errorf("read lease: %w", err)
	}
	want, reason, detail := provisioner.DesiredStopped, provisioner.ReasonLeaseEnded, ""
	switch {
	case c.Kind == "test" && c.Desired == provisioner.DesiredGone:
		return false, nil
	case c.Kind == "test" && !over:
		want, reason = provisioner.DesiredGone, provisioner.ReasonTestEnded
	case c.Kind == "test":
		want = provisioner.DesiredGone
	case c.Desired == provisioner.DesiredStopped && !kept:
		want, reason, detail = provisioner.DesiredGone, provisioner.ReasonStaff, c.BarredWhy
	case over && c.Desired == provisioner.DesiredRunning:
	case overdue && c.Desired == provisioner.DesiredStopped && c.Reason == provisioner.ReasonLeaseEnded:
		want = provisioner.DesiredGone
	case c.Desired != provisioner.DesiredRunning:
		return db.releaseIdle(ctx, tx, c)
	default:
		return false, nil
	}
	if err := c.want(ctx, tx, want, reason, detail); err != nil {
		return false, err
	}
	if err := db.tellEnded(ctx, tx, c, ending{Want: want, Reason: reason, Detail: detail, Grace: grace}); err != nil {
		return false, err
	}
	return true, store.WriteAudit(ctx, tx, store.AuditRow{
		Organization: c.OrganizationID, Provider: c.ProviderID, Verb: "end lease", Subject: "cluster", SubjectID: id,
		Detail: map[string]any{"desired": want},
	})
}

// releaseIdle gives the hold of an ending cluster back once no run of it is open: a silent host keeps no hours.
func (db *DB) releaseIdle(ctx context.Context, tx pgx.Tx, c lockedCluster) (bool, error) {
	var open bool
	err := tx.QueryRow(ctx, `SELECT EXISTS (SELECT FROM runs WHERE cluster_id = $1 AND closed_at IS NULL)`, c.ID).Scan(&open)
	if err != nil {
		return false, fmt.Errorf("read open runs: %w", err)
	}
	if open {
		return false, nil
	}
	return true, db.books.Release(ctx, tx, c.ID, c.Now)
}
