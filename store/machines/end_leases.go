package machines

import (
	"context"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
	"volary.dev/store"
	"volary.dev/store/models"
)

// EndLeases stops clusters whose lease is over, or deletes them where their terms say so (those of acceptance tests always), and deletes
// those whose disks were to be kept until now, after their lease or by their provider. A lease that extends itself ends where it cannot. What a provider paused for PausedFor it ends as EndCluster does. It also gives back what is held for clusters that are ending while
// a host that carries them is silent. It returns how many it changed. Each cluster is judged afresh under its lock, so
// that it may run late, twice and in several workers at once. A test that nobody has finished two minutes after its limit has failed.
func (db *DB) EndLeases(ctx context.Context) (int, error) {
	if err := db.endForgottenTests(ctx); err != nil {
		return 0, err
	}
	rows, _ := db.pool.Query(ctx, `
		SELECT id FROM clusters WHERE ended_at IS NULL AND desired = 'running' AND lease_ends_at <= now()
		UNION
		SELECT id FROM clusters WHERE ended_at IS NULL AND desired = 'stopped' AND kept_until <= now()
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
		ORDER BY id`)
	ids, err := store.All(rows, "ended leases", pgx.RowTo[uuid.UUID])
	if err != nil {
		return 0, err
	}
	count := 0
	for _, id := range ids {
		changed := false
		err := db.core.Tx(ctx, func(tx pgx.Tx) (err error) {
			changed, err = db.endLease(ctx, tx, id)
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

func (db *DB) endLease(ctx context.Context, tx pgx.Tx, id uuid.UUID) (bool, error) {
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
	e, extended, err := db.judgeEnd(ctx, tx, c)
	if err != nil || extended {
		return extended, err
	}
	if e.Want == "" {
		if c.Desired == provisioner.DesiredRunning || c.Kind == "test" {
			return false, nil
		}
		return db.releaseIdle(ctx, tx, c)
	}
	if err := c.want(ctx, tx, e.Want, e.Reason, e.Detail); err != nil {
		return false, err
	}
	if e.Want == provisioner.DesiredStopped {
		if err := c.keepDisks(ctx, tx); err != nil {
			return false, err
		}
	}
	if err := db.tellEnded(ctx, tx, c, e); err != nil {
		return false, err
	}
	return true, store.WriteAudit(ctx, tx, store.AuditRow{
		Organization: c.OrganizationID, Provider: c.ProviderID, Verb: "end lease", Subject: "cluster", SubjectID: id,
		Detail: map[string]any{"desired": e.Want},
	})
}

// judgeEnd looks at what holds now: whoever was away over a lease's end may find it extended, or the cluster started again. It extends a
// lease that does so itself; without Want the lease is not over, and nothing is to be deleted.
func (db *DB) judgeEnd(ctx context.Context, tx pgx.Tx, c lockedCluster) (e ending, extended bool, err error) {
	var over, keptEnough, barredEnough bool
	err = tx.QueryRow(ctx, `
		SELECT coalesce(lease_ends_at <= now(), false), coalesce(kept_until <= now(), false), coalesce(disks_until <= now(), false)
		FROM clusters WHERE id = $1`, c.ID).Scan(&over, &keptEnough, &barredEnough)
	if err != nil {
		return e, false, fmt.Errorf("read lease: %w", err)
	}
	gone := ending{Want: provisioner.DesiredGone, Reason: provisioner.ReasonLeaseEnded}
	switch {
	case c.Kind == "test" && c.Desired == provisioner.DesiredGone:
		return e, false, nil
	case c.Kind == "test" && !over:
		return ending{Want: provisioner.DesiredGone, Reason: provisioner.ReasonTestEnded}, false, nil
	case c.Kind == "test", c.Desired == provisioner.DesiredStopped && keptEnough:
		return gone, false, nil
	case c.Desired == provisioner.DesiredStopped && barredEnough:
		return ending{Want: provisioner.DesiredGone, Reason: provisioner.ReasonStaff, Detail: c.BarredWhy}, false, nil
	case c.Desired != provisioner.DesiredRunning || !over:
		return e, false, nil
	}
	extended, gone.Detail, err = db.extendItself(ctx, tx, c)
	if c.AtEnd != AtEndDelete {
		gone.Want = provisioner.DesiredStopped
	}
	return gone, extended, err
}

// keepDisks says until when the disks of a cluster lie that its lease's end has just stopped: from now on, so that one that was stopped
// late lies as long as was promised. Days are of 24 hours, whatever clocks do.
func (c lockedCluster) keepDisks(ctx context.Context, tx pgx.Tx) error {
	if _, err := tx.Exec(ctx, `UPDATE clusters SET kept_until = now() + make_interval(hours => 24 * keep_days) WHERE id = $1`, c.ID); err != nil {
		return fmt.Errorf("keep disks of cluster %s: %w", c.ID, err)
	}
	return nil
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
