package store

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"volary.dev/provisioner"
)

// MarkClusterReady makes every node ready and begins its runs at one moment, in one transaction, and opens the
// published port (network generation + 1, generation + 1). evidence is by node and must name every one that is not
// ready yet. It returns false where generation is not the present one or running is no longer wanted.
func (db *DB) MarkClusterReady(ctx context.Context, id uuid.UUID, generation int64, evidence map[uuid.UUID]Evidence) (marked bool, err error) {
	err = db.tx(ctx, func(tx pgx.Tx) error {
		marked = false
		c, err := lockCluster(ctx, tx, id)
		if err != nil || c.Generation != generation || c.Desired != provisioner.DesiredRunning {
			return err
		}
		if err := markNodesReady(ctx, tx, id, evidence); err != nil {
			return err
		}
		_, err = tx.Exec(ctx, `
			UPDATE clusters SET ready_at = now(), lease_ends_at = now() + make_interval(secs => lease_seconds),
				network_generation = network_generation + 1, generation = generation + 1
			WHERE id = $1`, id)
		if err != nil {
			return fmt.Errorf("mark cluster %s ready: %w", id, err)
		}
		if err := db.books.BeginRuns(ctx, tx, id); err != nil {
			return err
		}
		marked = true
		return writeAudit(ctx, tx, auditRow{Organization: c.OrganizationID, Provider: c.ProviderID, Verb: "cluster ready", Subject: "cluster", SubjectID: id})
	})
	return marked, err
}

// markNodesReady refuses, as a defect of the caller, to call a cluster ready while a node's gate is not met.
func markNodesReady(ctx context.Context, tx pgx.Tx, id uuid.UUID, evidence map[uuid.UUID]Evidence) error {
	batch := &pgx.Batch{}
	for node, e := range evidence {
		b, err := json.Marshal(e)
		if err != nil {
			return fmt.Errorf("evidence of node %s: %w", node, err)
		}
		batch.Queue(`
			UPDATE nodes SET state = 'ready', reason = '', reason_detail = '', state_at = now(), ready_at = now(), seen_at = now(),
				start_id = $3, evidence = $4
			WHERE cluster_id = $1 AND id = $2 AND state IN ('reserved', 'starting')`, id, node, e.StartID, b)
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("mark nodes of cluster %s ready: %w", id, err)
	}
	var missing int
	err := tx.QueryRow(ctx, `SELECT count(*) FROM nodes WHERE cluster_id = $1 AND (state <> 'ready' OR start_id = '')`, id).Scan(&missing)
	if err != nil {
		return fmt.Errorf("mark nodes of cluster %s ready: %w", id, err)
	}
	if missing > 0 {
		return fmt.Errorf("mark cluster %s ready: %s without evidence", id, plural(missing, "node"))
	}
	return nil
}

// FailCluster ends a start that did not succeed; nothing is charged, the hold is released. After a launch everything is
// to be deleted; a cluster that was started again keeps its disks and is to be stopped. Where generation is not the
// present one it does nothing.
func (db *DB) FailCluster(ctx context.Context, id uuid.UUID, generation int64, reason provisioner.Reason, detail string) error {
	return db.tx(ctx, func(tx pgx.Tx) error {
		c, err := lockCluster(ctx, tx, id)
		if err != nil || c.Generation != generation || c.Desired != provisioner.DesiredRunning {
			return err
		}
		_, err = tx.Exec(ctx, `
			UPDATE nodes SET state = 'failed', reason = $2, reason_detail = $3, state_at = now()
			WHERE cluster_id = $1 AND state IN ('reserved', 'starting')`, id, reason, detail)
		if err != nil {
			return fmt.Errorf("fail nodes of cluster %s: %w", id, err)
		}
		want := provisioner.DesiredGone
		if c.StartCount > 1 {
			want = provisioner.DesiredStopped
		}
		if err := c.want(ctx, tx, want, reason, detail); err != nil {
			return err
		}
		if err := db.settleEnd(ctx, tx, c, reason); err != nil {
			return err
		}
		return writeAudit(ctx, tx, auditRow{
			Organization: c.OrganizationID, Provider: c.ProviderID, Verb: "fail cluster", Subject: "cluster", SubjectID: id,
			Detail: map[string]any{"reason": reason, "detail": detail},
		})
	})
}

// settleEnd ends what is open of the cluster's runs at their last proof of life and gives the rest of the hold back.
func (db *DB) settleEnd(ctx context.Context, tx pgx.Tx, c lockedCluster, reason provisioner.Reason) error {
	if reason == provisioner.ReasonNone {
		reason = provisioner.ReasonAsked
	}
	if err := db.books.EndRuns(ctx, tx, c.ID, nil, string(reason)); err != nil {
		return err
	}
	return db.books.Release(ctx, tx, c.ID, c.Now)
}

// MarkNodesStopped writes down that every machine of the cluster is off: runs end, use is settled, the rest of the hold
// is released. It returns false where generation is not the present one.
func (db *DB) MarkNodesStopped(ctx context.Context, id uuid.UUID, generation int64) (marked bool, err error) {
	err = db.tx(ctx, func(tx pgx.Tx) error {
		marked = false
		c, err := lockCluster(ctx, tx, id)
		if err != nil || c.Generation != generation || c.Desired != provisioner.DesiredStopped {
			return err
		}
		_, err = tx.Exec(ctx, `
			UPDATE nodes SET state = 'stopped', reason = $2, state_at = now() WHERE cluster_id = $1 AND state NOT IN ('stopped', 'gone')`,
			id, c.Reason)
		if err != nil {
			return fmt.Errorf("mark nodes of cluster %s stopped: %w", id, err)
		}
		marked = true
		return db.settleEnd(ctx, tx, c, c.Reason)
	})
	return marked, err
}

// MarkClusterGone writes down that nothing of the cluster is left on any host: nodes gone, VNI and subnet free, final
// settlement, hold released. Marking it twice is no error; one that is not to be gone is a defect of the caller.
func (db *DB) MarkClusterGone(ctx context.Context, id uuid.UUID) error {
	return db.tx(ctx, func(tx pgx.Tx) error {
		c, err := lockCluster(ctx, tx, id)
		if err != nil || c.EndedAt != nil {
			return err
		}
		if c.Desired != provisioner.DesiredGone {
			return fmt.Errorf("mark cluster %s gone: it is to be %s", id, c.Desired)
		}
		if _, err := tx.Exec(ctx, `
			UPDATE nodes SET state = 'gone', reason = $2, state_at = now() WHERE cluster_id = $1 AND state <> 'gone'`, id, c.Reason); err != nil {
			return fmt.Errorf("mark nodes of cluster %s gone: %w", id, err)
		}
		if _, err := tx.Exec(ctx, `UPDATE clusters SET vni = NULL, subnet = NULL, ended_at = now() WHERE id = $1`, id); err != nil {
			return fmt.Errorf("mark cluster %s gone: %w", id, err)
		}
		return db.settleEnd(ctx, tx, c, c.Reason)
	})
}
